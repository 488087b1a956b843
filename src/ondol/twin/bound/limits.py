"""How cold and how warm each sink can be at the end of each step, whatever is decided: finite bounds of every variable.

A sink may lawfully be above its upper limit: the sun shines, or the limit falls in the evening. What the twin keeps is:
heat never takes a sink above. So the temperature at the end of a step is at most the larger of the limit and of what a
sink without heat comes to from the warmest state that it can have been in. That number is the limit of the programme;
it is the given one wherever a sink without heat cools.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.thermal.arrays import Floats
from ondol.twin.bound.stack import SinkStack

_ROUNDING = 1e-12  # relative widening at each step: well above what a step rounds off, far below what matters


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limits:
    """Bounds of states, temperatures and losses.

    Parameters
    ----------
    low_c, high_c : (T, S, K) states at the end of each step
    upper_c : (T, S) observed temperature at the end of each step, inf where nothing limits it
    loss_low_w, loss_high_w : (T, S) loss in each step
    """

    low_c: Floats
    high_c: Floats
    upper_c: Floats
    loss_low_w: Floats
    loss_high_w: Floats


def limits_of(sinks: SinkStack, heat_max_w: Floats) -> Limits:
    """Follow the coldest and the warmest course of every sink.

    All responses keep order (no entry of A + loss_gain·slope is below 0), so bounds of the state at the start of a step
    give bounds at its end.

    Parameters
    ----------
    sinks : the sinks
    heat_max_w : (S,) the most compute heat that each can get [W]
    """
    steps, n, k = sinks.drive.shape
    low, high = np.zeros((steps, n, k)), np.zeros((steps, n, k))
    upper, loss_low, loss_high = np.zeros((steps, n)), np.zeros((steps, n)), np.zeros((steps, n))
    cold = warm = sinks.start
    above = np.einsum("sk,sk->s", sinks.observe, sinks.start)
    given = np.isfinite(sinks.loss_max_w) & sinks.bends
    for t in range(steps):
        gain, slope, offset = sinks.loss_gain[t], sinks.slope[t], sinks.offset[t]
        rising, falling = np.maximum(slope, 0.0), np.minimum(slope, 0.0)
        coldest_loss = np.einsum("smk,sk->sm", rising, cold) + np.einsum("smk,sk->sm", falling, warm) + offset
        warmest_loss = np.einsum("smk,sk->sm", rising, warm) + np.einsum("smk,sk->sm", falling, cold) + offset
        loss_low[t] = _less(coldest_loss.max(axis=1))
        loss_high[t] = _more(warmest_loss.max(axis=1))
        loss_high[t] = np.where(given, np.maximum(loss_high[t], sinks.loss_max_w), loss_high[t])

        # (S, M, K, K): the step with each tangent in place of the loss; the loss is the largest, the state the least
        bent = sinks.transition[t][:, None] + gain[:, None, :, None] * slope[:, :, None, :]
        pushed = gain[:, None, :] * offset[:, :, None] + sinks.drive[t][:, None, :]
        coast = np.full(n, np.inf)
        for m in range(slope.shape[1]):
            weight = np.einsum("sk,skj->sj", sinks.observe, bent[:, m])
            most = _most(weight, sinks.observe, above, cold, warm)
            coast = np.minimum(coast, most + np.einsum("sk,sk->s", sinks.observe, pushed[:, m]))
        above = np.maximum(sinks.upper_c[t], _more(coast))

        least = (np.einsum("smkj,sj->smk", bent, cold) + pushed).min(axis=1)
        lossy = np.einsum("skj,sj->sk", sinks.transition[t], cold) + gain * loss_high[t][:, None] + sinks.drive[t]
        least = np.where(given[:, None], lossy, least) + sinks.draw[t] * sinks.demand_w[t][:, None]
        most_warm = (np.einsum("smkj,sj->smk", bent, warm) + pushed).min(axis=1)
        most_warm += sinks.heat[t] * heat_max_w[:, None] + sinks.backup[t] * sinks.backup_max_w[:, None]
        cold = _less(least)
        warm = np.maximum(cold, np.minimum(_more(most_warm), _share(sinks.observe, above, cold)))
        low[t], high[t], upper[t] = cold, warm, above
    return Limits(low_c=low, high_c=high, upper_c=upper, loss_low_w=loss_low, loss_high_w=loss_high)


def _less(value: Floats) -> Floats:
    return value - _ROUNDING * (1.0 + np.abs(value))


def _more(value: Floats) -> Floats:
    return value + _ROUNDING * (1.0 + np.abs(value))


def _most(value: Floats, observe: Floats, above: Floats, cold: Floats, warm: Floats) -> Floats:
    """(S,) most of value·x over cold ≤ x ≤ warm with observe·x ≤ above: a knapsack, filled by value per weight."""
    worth = np.divide(value, observe, out=np.full(value.shape, np.inf), where=observe > 0.0)
    order = np.argsort(-worth, axis=1, kind="stable")
    total = np.einsum("sk,sk->s", value, cold)
    left = np.maximum(above - np.einsum("sk,sk->s", observe, cold), 0.0)
    for place in order.T:
        rows = np.arange(len(place))
        weight, room = observe[rows, place], (warm - cold)[rows, place]
        taken = np.minimum(room, np.divide(left, weight, out=room.copy(), where=weight > 0.0))
        total = total + value[rows, place] * taken
        left = np.maximum(left - weight * taken, 0.0)
    return np.asarray(total)


def _share(observe: Floats, above: Floats, cold: Floats) -> Floats:
    """(S, K) the most that each state can be while all others are at their coldest and observe·x ≤ above."""
    others = np.einsum("sk,sk->s", observe, cold)[:, None] - observe * cold
    room = np.where(observe > 0.0, above[:, None] - others, np.inf)
    share: Floats = np.divide(room, observe, out=np.full(room.shape, np.inf), where=observe > 0.0)
    return _more(share)
