"""What running costs in money: the operator's price of a core-hour by service class, and what an attempt comes to."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ondol.model.checks import check_range
from ondol.model.compute import Attempt, AttemptState
from ondol.model.conditions import Scheduling
from ondol.model.view import ServiceClass

_DEAREST = 1000.0  # EUR per core-hour: more is a slip of the pen


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Prices of an installation [EUR per core-hour]; all zero where nothing is charged.

    Work that runs for heat alone is charged to the heat, not to its submitter.
    """

    on_demand: float = 0.0
    flex: float = 0.0
    reserved: float = 0.0
    harvest: float = 0.0

    def __post_init__(self) -> None:
        for name in ("on_demand", "flex", "reserved", "harvest"):
            check_range(f"tariff.{name}", getattr(self, name), 0.0, _DEAREST, "EUR/core-hour")

    @property
    def free(self) -> bool:
        """Whether nothing is charged."""
        return not (self.on_demand or self.flex or self.reserved or self.harvest)

    def price(self, scheduling: Scheduling, service: ServiceClass) -> float:
        """Give the price of one kind of work [EUR per core-hour]; the service class that a label gave comes first."""
        if service is ServiceClass.FILLER:
            return 0.0
        if service is ServiceClass.HARVEST:
            return self.harvest
        if scheduling is Scheduling.RESERVED:
            return self.reserved
        return self.on_demand if service is ServiceClass.ON_DEMAND else self.flex


def core_hours(attempt: Attempt, cores: float, now: dt.datetime) -> float:
    """Give the core-hours that an attempt ran, pauses left out, from its launch to the end of its job or now.

    Parameters
    ----------
    cores : of its slot
    now : platform time
    """
    if attempt.started_at is None or attempt.state is AttemptState.LOST:
        return 0.0  # what the platform lost, nobody pays
    end = attempt.exited_at or attempt.ended_at or now
    return cores * max(0.0, (end - attempt.started_at).total_seconds() - attempt.paused_s) / 3600.0
