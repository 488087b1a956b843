"""Rules against legionella in stored hot water, as a table with sources and dates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ondol.model.errors import InvalidFieldError

DAY_S = 86_400.0
LEVELS_C = (60.0, 65.0, 70.0)
"""Temperatures above which time is counted [°C]; the table's alternatives use these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HygienePolicy:
    """One rule: one of the alternatives has to be met in every window, or the outlet stays hot.

    Parameters
    ----------
    window_s : length of the rolling window [s]
    alternatives : (temperature [°C], time at or above it [s]); one of them is enough
    outlet_c : a store whose outlet has been at least so hot for a whole window needs no cycle; nan where that does not
        count [°C]
    source, in_force : where it stands, and since when
    """

    name: str
    window_s: float
    alternatives: tuple[tuple[float, float], ...]
    outlet_c: float = math.nan
    source: str
    in_force: str

    def met(self, above_s: Sequence[float]) -> bool:
        """Whether times above `LEVELS_C` meet one of the alternatives."""
        seconds = dict(zip(LEVELS_C, above_s, strict=True))
        return any(seconds[temp_c] >= need_s for temp_c, need_s in self.alternatives)


_DAILY_RISE = ((70.0, 120.0), (65.0, 240.0), (60.0, 3600.0))

POLICIES: dict[str, HygienePolicy] = {
    policy.name: policy
    for policy in (
        HygienePolicy(
            name="fr-2005",
            window_s=DAY_S,
            alternatives=_DAILY_RISE,
            outlet_c=55.0,
            source="Arrêté du 30 novembre 2005, art. 1: article 36 of the arrêté du 23 juin 1978; storage of 400 L and "
            "more: 55 °C at the outlet at all times, or once in 24 h 2 min at 70, 4 min at 65 or 60 min at 60 °C",
            in_force="2006-12-15",
        ),
        HygienePolicy(
            name="preheat-weekly",
            window_s=7 * DAY_S,
            alternatives=_DAILY_RISE,
            source="site policy, not law: preheat tanks, completed by another device, are an exception of the circular "
            "DGS/SD7A/DSC/DGUHC/DGE/DPPR/126 of 3 April 2007; the same rise once a week",
            in_force="2007-04-03",
        ),
    )
}
"""Rules by name; `Tank.hygiene` names one, or "none"."""


def policy_of(name: str) -> HygienePolicy | None:
    """Give a rule by its name; None for "none".

    Raises
    ------
    InvalidFieldError : there is no such rule
    """
    if name == "none":
        return None
    if name not in POLICIES:
        raise InvalidFieldError("tank.hygiene", name, "one of none, " + ", ".join(POLICIES))
    return POLICIES[name]
