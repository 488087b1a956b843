"""Three states out of watts: heat wanted, neutral, heat wasted, with hysteresis and a probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.heat_signal import HeatState
from ondol.model.view import Bools, Floats
from ondol.policy.heat_balance import CENTRAL
from ondol.policy.heat_work import LEVELS

ENTER_SHARE, LEAVE_SHARE = 0.10, 0.05
"""Shares of an area's heat power: a state begins at the first and lasts until less than the second is wanted, or
wasted. A choice of ours: below a tenth more work would hardly change what backups burn."""

DWELL_S = 900.0
"""A state of now lasts so long at least, whatever forecasts say meanwhile [s]."""


@dataclass(frozen=True, slots=True)
class Before:
    """The state that was published last, and since when it holds [s since the epoch]."""

    state: HeatState
    since_s: float


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """States of successive steps with their probabilities, None where no quantile is known."""

    states: tuple[HeatState, ...]
    confidence: tuple[float | None, ...]
    before: Before


def states_of(
    wanted_w: Floats, wasted_w: Floats, power_w: float, before: Before | None, now_s: float, *, known_spread: bool
) -> States:
    """Give the states of an area.

    Heat is wanted where the median of what is wanted reaches `ENTER_SHARE` of the area's heat power, and goes on being
    wanted down to `LEAVE_SHARE`; otherwise it is wasted by the same rule. Wanted goes first: where one sink wants heat
    while another's is wasted, more work can go to the first. The state of now does not change within `DWELL_S`.

    The confidence is the probability that the rule which put the state there holds: that of being above the share for
    heat wanted and heat wasted, that of neither for neutral.

    Parameters
    ----------
    wanted_w, wasted_w : (levels, steps), see `heat_balance` [W]
    power_w : heat that the area's units give at full load, above 0 [W]
    before : what was published last; None for nothing, or too long ago
    known_spread : whether the levels are quantiles of a forecast

    Returns
    -------
    States; its `before` is for the next call
    """
    steps = wanted_w.shape[1]
    state = HeatState.NEUTRAL if before is None else before.state
    held = before is not None and 0.0 <= now_s - before.since_s < DWELL_S
    found: list[HeatState] = []
    sure: list[float | None] = []
    for step in range(steps):
        want_at = power_w * (LEAVE_SHARE if state is HeatState.WANTED else ENTER_SHARE)
        waste_at = power_w * (LEAVE_SHARE if state is HeatState.WASTED else ENTER_SHARE)
        if not (held and step == 0):
            if wanted_w[CENTRAL, step] >= want_at:
                state = HeatState.WANTED
            elif wasted_w[CENTRAL, step] >= waste_at:
                state = HeatState.WASTED
            else:
                state = HeatState.NEUTRAL
        wants = wanted_w[:, step] >= want_at
        wastes = ~wants & (wasted_w[:, step] >= waste_at)
        mine = {HeatState.WANTED: wants, HeatState.WASTED: wastes, HeatState.NEUTRAL: ~wants & ~wastes}[state]
        found.append(state)
        sure.append(_probability(mine) if known_spread else None)
    since_s = before.since_s if before is not None and found and found[0] is before.state else now_s
    return States(tuple(found), tuple(sure), Before(found[0] if found else state, since_s))


def _probability(holds: Bools) -> float:
    """Weigh the levels at which something holds: each stands for the quantiles that are nearest to it."""
    levels = np.array(LEVELS)
    edges = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2.0, [1.0]])
    share = float(np.diff(edges)[holds].sum())
    return min(max(share, LEVELS[0]), LEVELS[-1])
