"""The ledger's rows: the append-only record that every statement is computed from."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, SinkId, SiteId, TaskId, UnitId


class Share(enum.Enum):
    """On whose account a piece of a site's electricity goes. Together they are the site."""

    JOB = "job"  # a user's work
    HEAT_ONLY = "heat_only"  # filler work, run for heat alone
    IDLE = "idle"  # a powered node with nobody's reservation
    OVERHEAD = "overhead"  # pumps, fans, power supply: the part of PUE above one


class Tier(enum.Enum):
    """How a figure was got, best first (`reference/footprint.md` §3.4)."""

    T1_METER = "T1"
    T2_BMC = "T2"
    T3_RAPL = "T3"
    T4_CURVE = "T4"
    T5_ARCHETYPE = "T5"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyRow:
    """Electricity of one share of one node (or of a site's overhead) over one window.

    Parameters
    ----------
    start, end : the window, start < end, platform time
    energy_j : ≥ 0 [J]
    grid_g_per_kwh : carbon intensity of the site's grid in that window [gCO2e/kWh]
    cpu_s : CPU seconds that it stands for, 0 where none
    node_id : None for overhead
    """

    site_id: SiteId
    unit_id: UnitId | None
    node_id: NodeId | None
    share: Share
    start: dt.datetime
    end: dt.datetime
    energy_j: float
    grid_g_per_kwh: float
    tier: Tier
    cpu_s: float = 0.0
    account_id: AccountId | None = None
    task_id: TaskId | None = None
    instance_id: InstanceId | None = None
    attempt_id: AttemptId | None = None

    def __post_init__(self) -> None:
        _check_window(self.start, self.end)
        check_range("energy_j", self.energy_j, 0.0, 1e18, "J")
        check_range("grid_g_per_kwh", self.grid_g_per_kwh, 0.0, 3000.0, "g/kWh")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRow:
    """Heat of one unit into its sink over one window, with what was asked and what was felt.

    Parameters
    ----------
    electric_j : electricity of the unit's nodes in the window [J]
    delivered_j : heat handed over to the sink, as the heat meter has it, ≥ 0 [J]
    demanded_j : what the heat layer asked for in the window, ≥ 0 [J]
    temp_c : mean measured temperature of the sink [°C]
    setpoint_c, lower_c, upper_c : asked for, and the comfort band [°C]
    discomfort_kh : ∫ deviation outside of the band dt (BOPTEST tdis_tot, one sink) [K·h]; only on one unit of a sink
    """

    site_id: SiteId
    unit_id: UnitId
    sink_id: SinkId
    start: dt.datetime
    end: dt.datetime
    electric_j: float
    delivered_j: float
    demanded_j: float
    temp_c: float
    setpoint_c: float
    lower_c: float
    upper_c: float
    discomfort_kh: float

    def __post_init__(self) -> None:
        _check_window(self.start, self.end)
        check_range("electric_j", self.electric_j, 0.0, 1e18, "J")
        check_range("delivered_j", self.delivered_j, 0.0, 1e18, "J")
        check_range("demanded_j", self.demanded_j, 0.0, 1e18, "J")
        check_range("discomfort_kh", self.discomfort_kh, 0.0, 1e6, "K·h")


LedgerRow = EnergyRow | HeatRow


def _check_window(start: dt.datetime, end: dt.datetime) -> None:
    if start.tzinfo is None or end.tzinfo is None:
        raise InvalidFieldError("start", start, "an aware time (UTC)")
    if not start < end:
        raise InvalidFieldError("end", end, f"after the start of the window, {start.isoformat()}")
