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


_HEAT_TIERS = (Tier.T1_METER, Tier.T2_BMC, Tier.T4_CURVE)


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
    delivered_j : heat handed over to the sink, by the way that `tier` names, ≥ 0 [J]
    demanded_j : what the heat layer asked for in the window, ≥ 0 [J]
    temp_c : mean measured temperature of the sink [°C]
    setpoint_c, lower_c, upper_c : asked for, and the comfort band [°C]
    discomfort_kh : ∫ deviation outside of the band dt (BOPTEST tdis_tot, one sink) [K·h]; only on one unit of a sink
    tier : T1 a heat meter (EN 1434), T2 flow × temperature difference, T4 electricity × capture − case loss
    virtual : the meter is equations in place of hardware; None where an earlier release did not write it down
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
    tier: Tier = Tier.T1_METER
    virtual: bool | None = False

    def __post_init__(self) -> None:
        _check_window(self.start, self.end)
        check_range("electric_j", self.electric_j, 0.0, 1e18, "J")
        check_range("delivered_j", self.delivered_j, 0.0, 1e18, "J")
        check_range("demanded_j", self.demanded_j, 0.0, 1e18, "J")
        check_range("discomfort_kh", self.discomfort_kh, 0.0, 1e6, "K·h")
        if self.tier not in _HEAT_TIERS:
            allowed = ", ".join(tier.value for tier in _HEAT_TIERS)
            raise InvalidFieldError("tier", self.tier.value, f"one of {allowed} for heat")

    @property
    def metered(self) -> bool:
        """Whether the heat was metered; what is only estimated is shown beside, and claimed by nobody."""
        return self.tier is not Tier.T4_CURVE


LedgerRow = EnergyRow | HeatRow


class Metered(enum.Enum):
    """What a site's own meter counts; every value has its unit in its name."""

    ELECTRICITY_J = "electricity_j"  # taken by the compute boundary of the site
    BACKUP_FUEL_J = "backup_fuel_j"  # taken by the backup heater, as the carrier of its factor is counted
    BACKUP_ELECTRICITY_J = "backup_electricity_j"
    RENEWABLE_J = "renewable_j"  # electricity made on site and used inside the boundary
    WATER_L = "water_l"  # taken in by the boundary
    COOLING_ELECTRICITY_J = "cooling_electricity_j"  # of the site's electricity, what cooling takes
    COOLING_HEAT_J = "cooling_heat_j"  # removed from the IT by that cooling


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRow:
    """What one meter of a site counted over one window; the truth that the sum of its nodes is held against.

    Parameters
    ----------
    meter_id : the bound point that was read, "entity.point"
    amount : in the unit of `kind`, ≥ 0
    uncertainty : relative expanded uncertainty of the meter, 0 to 1; None where its class is not known
    """

    site_id: SiteId
    meter_id: str
    kind: Metered
    start: dt.datetime
    end: dt.datetime
    amount: float
    tier: Tier = Tier.T1_METER
    uncertainty: float | None = None

    def __post_init__(self) -> None:
        _check_window(self.start, self.end)
        check_range("amount", self.amount, 0.0, 1e18)
        if self.uncertainty is not None:
            check_range("uncertainty", self.uncertainty, 0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFact:
    """Whose work a task was, kept for the ledger after the task itself was deleted.

    Parameters
    ----------
    service : name of its service class, "on_demand", "flex", "harvest" or "filler"
    job_id, pool_id, project_id : "" for none
    holds_pool : of the hidden tasks that hold the slots of a compute pool, that pool
    resumable : it goes on from a checkpoint after it was stopped
    """

    task_id: TaskId
    account_id: AccountId
    name: str
    service: str
    submitted_at: dt.datetime
    job_id: str = ""
    pool_id: str = ""
    project_id: str = ""
    holds_pool: str = ""
    resumable: bool = False


CAUSES = ("", "user", "host", "heat", "node", "limit")
"""Who ended an attempt; "" where it ended by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFact:
    """How one attempt ended, kept for the ledger: what was wasted is computed from it.

    Parameters
    ----------
    outcome : final attempt state, "succeeded", "failed", "stopped" or "lost"
    cause : who ended it: "user", "host", "heat", "node", "limit" or "" where it ended by itself
    slots, cores : slots that it held, cores that it had reserved; both 0 of one in a slot of its pool (`held_by`),
        which is its holder's
    held_s : how long it held them, from being placed to its end, platform time [s]
    ended_at : its end; that of its job where it was heard of only much later (`Attempt.held_until`)
    cpu_s : CPU time that it used, in seconds of a core of its node, platform time [s]: at full load of all that it
        reserved it is cores × held_s. Of a virtual node, which stands for a real one on a share of this machine, it is
        the counted time scaled up likewise
    held_by : attempt that holds the slot of a compute pool that it ran in, "" for a slot of its own
    exit_code : of its job, None where it did not end by itself
    """

    attempt_id: AttemptId
    task_id: TaskId
    node_id: NodeId
    outcome: str
    cause: str
    slots: int
    cores: float
    held_s: float
    cpu_s: float
    ended_at: dt.datetime
    held_by: str = ""
    exit_code: int | None = None

    def __post_init__(self) -> None:
        check_range("cores", self.cores, 0.0, 1e6)
        check_range("held_s", self.held_s, 0.0, 1e12, "s")
        check_range("cpu_s", self.cpu_s, 0.0, 1e15, "s")
        if self.cause not in CAUSES:
            raise InvalidFieldError("cause", self.cause, ", ".join(CAUSES[1:]) + ' or ""')


LedgerFact = MeterRow | WorkFact | AttemptFact


def _check_window(start: dt.datetime, end: dt.datetime) -> None:
    if start.tzinfo is None or end.tzinfo is None:
        raise InvalidFieldError("start", start, "an aware time (UTC)")
    if not start < end:
        raise InvalidFieldError("end", end, f"after the start of the window, {start.isoformat()}")
