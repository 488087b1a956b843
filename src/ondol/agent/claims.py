"""Who claims what of a unit's power in one step, from planner to safety."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from ondol.agent.authority import Authority, Claim
from ondol.agent.layout import UnitLayout
from ondol.agent.safety import SafetyVerdict
from ondol.agent.sink_step import SinkResult
from ondol.model.errors import InvalidFieldError
from ondol.model.heat_request import NO_LIMIT_W
from ondol.model.ids import UnitId
from ondol.model.site import Unit

HARD = frozenset({"safety", "user", "schedule"})
"""Authorities in whose name a limit counts at once: no least on-time of a node may exceed it."""


def is_quiet(unit: Unit, now: dt.datetime, timezone: str) -> bool:
    """Whether the unit's quiet hours have begun and not ended, in local time."""
    if not unit.quiet_from:
        return False
    time = now.astimezone(ZoneInfo(timezone)).strftime("%H:%M")
    if unit.quiet_from < unit.quiet_to:
        return unit.quiet_from <= time < unit.quiet_to
    return time >= unit.quiet_from or time < unit.quiet_to


def check_powers(field: str, powers_w: Mapping[UnitId, float]) -> None:
    """Refuse what is no power.

    Raises
    ------
    InvalidFieldError : one of them is not a number from 0
    """
    for unit_id, power_w in powers_w.items():
        if not (math.isfinite(power_w) and power_w >= 0):
            raise InvalidFieldError(f"{field}[{unit_id}]", power_w, "a number of watts from 0")


def claims_on(
    layout: UnitLayout,
    result: SinkResult | None,
    verdict: SafetyVerdict,
    *,
    share: float,
    wanted_w: float,
    floor_w: float,
    quiet: bool,
    user_w: float | None,
) -> list[Claim]:
    """List all claims on a unit; of one authority, later ones have the last word.

    Parameters
    ----------
    result : of the sink that it heats, None for a rack
    share : of its sink's power that is this unit's, 0 to 1
    wanted_w : electric power that its sink's demand asks of it [W]
    floor_w : for work that cannot wait [W]
    quiet : whether it is in its quiet hours
    user_w : most that a person allows it, None where nobody said [W]
    """
    claims = [Claim(authority=Authority.PLANNER, low_w=floor_w, reason="work that cannot wait")]
    if quiet:
        reason = f"quiet hours until {layout.unit.quiet_to}: at most {layout.unit.quiet_power_w:.0f} W"
        claims.append(Claim(authority=Authority.SCHEDULE, high_w=layout.unit.quiet_power_w, reason=reason))
    if result is not None:
        claims += _of_host(result, share, wanted_w)
    if user_w is not None:
        claims.append(
            Claim(authority=Authority.USER, high_w=user_w, reason=f"somebody at the site allows {user_w:.0f} W")
        )
    if result is not None and result.cycle:
        claims.append(Claim(authority=Authority.HYGIENE, low_w=wanted_w, reason=result.demand.reason))
    if result is not None and result.frost:
        claims.append(Claim(authority=Authority.SAFETY, low_w=wanted_w, reason=result.demand.reason))
    if result is not None and not result.floors:
        reason = "sensor lost: no heat beyond what is wanted"
        claims.append(Claim(authority=Authority.SAFETY, high_w=wanted_w, reason=reason))
    if math.isfinite(verdict.high_w):
        claims.append(Claim(authority=Authority.SAFETY, high_w=verdict.high_w, reason=verdict.reason))
    return claims


def _of_host(result: SinkResult, share: float, wanted_w: float) -> list[Claim]:
    """What the request says of power, as far as it asks for heat at all."""
    request = result.layout.request
    if request is None:
        return []
    claims = []
    if request.min_power_w > 0 and wanted_w > 0 and result.demand.room_j > 0:
        low_w = request.min_power_w * share
        claims.append(Claim(authority=Authority.USER, low_w=low_w, reason=f"at least {request.min_power_w:.0f} W"))
    if request.max_power_w < NO_LIMIT_W:
        high_w = request.max_power_w * share
        claims.append(Claim(authority=Authority.USER, high_w=high_w, reason=f"at most {request.max_power_w:.0f} W"))
    return claims
