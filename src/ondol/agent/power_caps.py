"""Turns a unit's watts into a cap per node, so that what is measured follows what is wanted within 5 %."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ondol.agent.sigma_delta import NodeSeat
from ondol.model.ids import NodeId, UnitId

_TRIM_STEPS = 2.0  # integral time of the correction in steps, within the next two: quick where measuring is quick
_TRIM_QUICKEST_S, _TRIM_SLOWEST_S = 2.5, 120.0
_SETTLED_S = 3.0  # RAPL and power limits settle in less than 1 s, and show a second later
_JUMP_SHARE = 0.03
_TRIM_SHARE = 0.1
_REACH_TIME_S = 90.0
_FULL = 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteShare:
    """A unit's part in the site's electrical limit.

    Parameters
    ----------
    idle_w : what it draws whatever is decided [W]
    urgent_w : part of the target that cannot wait [W]
    target_w : what it would draw [W]
    priority : higher is served first
    """

    unit_id: UnitId
    idle_w: float
    urgent_w: float
    target_w: float
    priority: int


def share_site_limit(limit_w: float, shares: Sequence[SiteShare]) -> dict[UnitId, float]:
    """Give each unit the power it may draw so that the sum keeps the site's limit [W].

    Idle power first, it cannot be refused; then what cannot wait; then by priority; units of equal rank by id.
    """
    granted = {share.unit_id: share.idle_w for share in shares}
    left_w = limit_w - sum(granted.values())
    order = sorted(shares, key=lambda share: (-share.priority, share.unit_id))
    for urgent_only in (True, False):
        for share in order:
            wish_w = min(share.urgent_w, share.target_w) if urgent_only else share.target_w
            more_w = min(max(wish_w - granted[share.unit_id], 0.0), max(left_w, 0.0))
            granted[share.unit_id] += more_w
            left_w -= more_w
    return granted


def spread_caps(target_w: float, seats: Sequence[NodeSeat], hot: frozenset[NodeId]) -> dict[NodeId, float]:
    """Cap per node [W]: hot nodes with work in order of urgency up to what is left, cold ones at idle.

    The last one served may get a part. An idle node that is hot gets what the busy ones cannot use, for the next job.
    """
    caps = {seat.node_id: seat.idle_w for seat in seats}
    left_w = target_w - sum(seat.idle_w for seat in seats)
    order = sorted(seats, key=lambda seat: (not seat.busy, seat.urgency, seat.node_id))
    for seat in order:
        if seat.node_id not in hot or left_w <= 0:
            continue
        if left_w >= seat.range_w:  # what it cannot use itself it may be allowed, should its work change
            caps[seat.node_id] = seat.max_w
        else:
            caps[seat.node_id] = min(seat.idle_w + left_w, seat.max_w)
        left_w -= min(seat.range_w, left_w)
    return caps


def step_trim(
    trim_w: float, target_w: float, measured_w: float, *, steerable: bool, steady_s: float, dt_s: float
) -> float:
    """Correction that removes what caps and measured power disagree about, within ±10 % of the target [W].

    Parameters
    ----------
    steerable : a node is under a partial cap, so that a correction has an effect; else it fades
    steady_s : since the target last jumped: what is measured earlier is on its way, and no disagreement [s]
    """
    time_s = min(max(_TRIM_STEPS * dt_s, _TRIM_QUICKEST_S), _TRIM_SLOWEST_S)
    share = dt_s / (dt_s + time_s)
    if not steerable:
        trim_w *= 1.0 - share
    elif steady_s >= _SETTLED_S:
        trim_w += (target_w - measured_w) * share
    bound_w = _TRIM_SHARE * target_w
    return min(max(trim_w, -bound_w), bound_w)


def has_jumped(before_w: float, target_w: float) -> bool:
    """Whether a target is so different from the last one that measured power needs its time."""
    return abs(target_w - before_w) > _JUMP_SHARE * max(before_w, target_w)


def step_reach(
    reach_w: float | None, *, busy: bool, cap_w: float, measured_w: float, idle_w: float, max_w: float, dt_s: float
) -> float:
    """What a node's work draws when nothing holds it: learnt while its cap is open, forgotten when it falls idle [W].

    Parameters
    ----------
    cap_w : in force while `measured_w` was drawn [W]
    """
    if not busy or reach_w is None:
        return max_w
    if cap_w < _FULL * max_w:  # held: nothing is learnt, unless it draws more than was believed
        return min(max(reach_w, measured_w), max_w)
    share = dt_s / (dt_s + _REACH_TIME_S)
    return min(max(reach_w + (measured_w - reach_w) * share, idle_w), max_w)


def is_partial(caps: Mapping[NodeId, float], seats: Sequence[NodeSeat]) -> bool:
    """Whether a busy node stands between idle and full."""
    return any(seat.busy and seat.idle_w < caps[seat.node_id] < _FULL * seat.max_w for seat in seats)
