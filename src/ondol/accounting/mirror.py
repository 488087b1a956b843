"""The usage mirror: what waiting for cleaner electricity gained, task by task."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass

from ondol.model.checks import check_range
from ondol.model.ids import TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One task's electricity and the intensity of its grid, when it ran and when it might have.

    Parameters
    ----------
    energy_kwh : with overhead, ≥ 0 [kWh]
    ran_g : its operational carbon as it ran, on the basis [gCO2e]
    at_once_g : the same electricity had the task begun as soon as it could and never stopped, by
        `ondol.accounting.waiting.Run`; `ran_g` where it did [gCO2e]
    best_g_per_kwh : least mean intensity over its run time within a day of its submission [gCO2e/kWh]
    best_at : when that begins
    """

    task_id: TaskId
    service: str
    energy_kwh: float
    ran_g: float
    at_once_g: float
    best_g_per_kwh: float
    best_at: dt.datetime

    def __post_init__(self) -> None:
        check_range("moved.energy_kwh", self.energy_kwh, 0.0, 1e15, "kWh")
        check_range("moved.at_once_g", self.at_once_g, 0.0, 1e18, "g")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What flexibility gained against running at once: Σ energy × (intensity had it begun at once − when it ran).

    Parameters
    ----------
    at_once_g, ran_g : carbon had everything begun as soon as it could, and as it ran [gCO2e]
    gained_g : the difference; below zero where waiting met a dirtier grid [gCO2e]
    """

    tasks: int
    energy_kwh: float
    at_once_g: float
    ran_g: float
    gained_g: float


def gain_of(moved: Iterable[Moved]) -> Gain:
    """Sum up what waiting gained; on-demand work did not wait and is left out."""
    waited = [one for one in moved if one.service != "on_demand"]
    at_once_g = math.fsum(one.at_once_g for one in waited)
    ran_g = math.fsum(one.ran_g for one in waited)
    return Gain(
        tasks=len(waited),
        energy_kwh=math.fsum(one.energy_kwh for one in waited),
        at_once_g=at_once_g,
        ran_g=ran_g,
        gained_g=at_once_g - ran_g,
    )
