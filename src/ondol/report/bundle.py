"""All that a statement shows, as plain values: whoever runs the platform fills it, the report only draws."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ondol.accounting.conservation import Finding
from ondol.accounting.statement import FleetStatement
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AttemptId, InstanceId, NodeId, SinkId, SiteId, TaskId, UnitId


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSeries:
    """Temperature of one sink against what was asked; nan where a reading is missing.

    Parameters
    ----------
    times : platform time, rising
    temp_c, setpoint_c, lower_c, upper_c : as many values as times [°C]
    """

    sink_id: SinkId
    name: str
    site_id: SiteId
    site_name: str
    times: tuple[dt.datetime, ...]
    temp_c: tuple[float, ...]
    setpoint_c: tuple[float, ...]
    lower_c: tuple[float, ...]
    upper_c: tuple[float, ...]

    def __post_init__(self) -> None:
        _same_length(f"sinks[{self.sink_id}]", self.times, self.temp_c, self.setpoint_c, self.lower_c, self.upper_c)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSeries:
    """Power of one unit over time.

    Parameters
    ----------
    sink_id : what it heats; None for a rack
    wanted_w, delivered_w, electric_w : heat asked for, heat handed over, electricity taken; as many as times [W]
    """

    unit_id: UnitId
    name: str
    site_id: SiteId
    site_name: str
    sink_id: SinkId | None
    times: tuple[dt.datetime, ...]
    wanted_w: tuple[float, ...]
    delivered_w: tuple[float, ...]
    electric_w: tuple[float, ...]

    def __post_init__(self) -> None:
        _same_length(f"units[{self.unit_id}]", self.times, self.wanted_w, self.delivered_w, self.electric_w)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One attempt: where and when it ran, how it ended and why it was there.

    Parameters
    ----------
    end : None while it runs; it is drawn to the end of the statement
    outcome : in a word, e.g. "succeeded", "stopped", "running"
    reason : of the policy, for people
    """

    attempt_id: AttemptId
    task_id: TaskId
    task_name: str
    instance_id: InstanceId
    node_id: NodeId
    unit_id: UnitId
    site_id: SiteId
    site_name: str
    start: dt.datetime
    end: dt.datetime | None
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStatementBundle:
    """A fleet's statement with the series, runs and notes that explain it.

    Parameters
    ----------
    clock_rate : platform seconds by wall second, > 0
    policy : name of the policy that placed the work
    timezone : IANA name; times are shown in it
    findings : of `accounting.conservation.check`; empty where the ledger adds up
    residual : of `accounting.conservation.worst_residual`
    notes, attributions : sentences; the sources of weather, grid and other data with their licences
    """

    title: str
    fleet: FleetStatement
    start: dt.datetime
    end: dt.datetime
    created_at: dt.datetime
    clock_rate: float
    policy: str
    timezone: str = "Europe/Paris"
    sinks: tuple[SinkSeries, ...] = ()
    units: tuple[UnitSeries, ...] = ()
    runs: tuple[JobRun, ...] = ()
    findings: tuple[Finding, ...] = ()
    residual: float = 0.0
    notes: tuple[str, ...] = ()
    attributions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise InvalidFieldError("bundle.end", self.end, "after the start of the statement")
        if not self.clock_rate > 0:
            raise InvalidFieldError("bundle.clock_rate", self.clock_rate, "platform seconds by wall second, above 0")


def _same_length(field: str, times: tuple[dt.datetime, ...], *columns: tuple[float, ...]) -> None:
    for column in columns:
        if len(column) != len(times):
            raise InvalidFieldError(field, len(column), f"{len(times)} values in each column, one for each time")
