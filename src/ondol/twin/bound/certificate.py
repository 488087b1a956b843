"""Makes of any multipliers a number that no point of the programme lies below.

For rows ``a ≤ M v ≤ b`` and any y, every feasible v has ``c·v ≥ Σ_i min over [a_i, b_i] of y_i r + Σ_j min over
[low_j, high_j] of (c − Mᵀy)_j v_j``. All variables have finite bounds, so this is finite once y ≥ 0 where b is inf and
y ≤ 0 where a is −inf. What float64 rounds off on the way is bounded and taken away (Higham, Accuracy and Stability of
Numerical Algorithms, 2002, §3.1: |computed − exact| ≤ n·u/(1 − n·u) · Σ|terms|).

Before that, `polish` spends the solver's last digits better: with prices of work, limits and warmth as the solver left
them, multipliers of everything local (states backwards in time, tangents, captured heat, shares) have a best value in
closed form. That turns the reduced costs of states, whose bounds are wide, into zeros. A solver that is
done has them at zero already; for one that was stopped early the gap shrinks 5- to 1,000-fold (24 sinks, a day).
"""

from __future__ import annotations

from math import fsum

import numpy as np

from ondol.model.view import Bools
from ondol.thermal.arrays import Floats
from ondol.twin.bound.programme import Programme
from ondol.twin.bound.sparse import pick

_THIRDS = 60  # narrow an interval to 3e-11 of it
_AS_GOOD = 1e-9  # of what a step of demand costs

_UNIT_ROUNDOFF = 2.0**-53


def lagrangian(programme: Programme, multipliers: Floats) -> float:
    """Lower bound of the programme from any finite multipliers, rounding included.

    Parameters
    ----------
    programme : the programme
    multipliers : (rows,) any numbers; signs that would give −inf are set to 0
    """
    y = np.where(np.isfinite(programme.row_high), multipliers, np.maximum(multipliers, 0.0))
    y = np.where(np.isfinite(programme.row_low), y, np.minimum(y, 0.0))
    right = np.where(y > 0.0, programme.row_low, programme.row_high)
    from_rows = y * np.where(y == 0.0, 0.0, right)
    matrix = programme.matrix
    reduced = programme.cost - matrix.T @ y
    bound = np.where(reduced > 0.0, programme.low, programme.high)
    from_columns = reduced * bound

    # each reduced cost is a sum of its column's products and the cost, then multiplied by a bound
    terms = np.diff(matrix.indptr) + 3.0
    size = np.abs(programme.cost) + abs(matrix).T @ np.abs(y)
    reach = np.maximum(np.abs(programme.low), np.abs(programme.high))
    rounding = terms * size * reach
    total = fsum(from_rows) + fsum(from_columns) + programme.offset
    slack = fsum(rounding) + fsum(np.abs(from_rows)) + abs(programme.offset) * len(programme.cost) + abs(total)
    return total - 4.0 * _UNIT_ROUNDOFF * slack


def polish(programme: Programme, multipliers: Floats, values: Floats) -> Floats:
    """Give multipliers whose `lagrangian` is mostly better where the solver was not done; take the better of the two.

    Parameters
    ----------
    programme : the programme
    multipliers, values : of rows and variables, as the solver left them
    """
    rows, sinks = programme.rows, programme.sinks
    y = multipliers.copy()
    band = np.minimum(pick(y, rows.band), programme.problem.discomfort_cost)
    tangent = np.maximum(pick(y, rows.tangent), 0.0)
    slack = pick(values, programme.columns.loss)[:, :, None] - sinks.offset
    slack[1:] -= np.einsum("tsmk,tsk->tsm", sinks.slope[1:], pick(values, programme.columns.state)[:-1])
    slack[0] -= np.einsum("smk,sk->sm", sinks.slope[0], sinks.start)
    warmth = np.zeros_like(sinks.drive)  # cost of a kelvin more in each state: 0 or less wherever warmth is worth some
    kept = rows.left >= 0
    ahead = -np.where(kept, np.clip(pick(y, rows.left), 0.0, sinks.end_value), sinks.end_value)
    y[rows.left[kept]] = -ahead[kept]
    for t in reversed(range(len(warmth))):
        warmth[t] = ahead - sinks.observe * band[t][:, None]
        tangent[t] = _shared(tangent[t], np.einsum("sk,sk->s", sinks.loss_gain[t], warmth[t]), slack[t], sinks.tangent)
        ahead = np.einsum("skj,sk->sj", sinks.transition[t], warmth[t])
        ahead += np.einsum("smk,sm->sk", sinks.slope[t], tangent[t])
    captured = np.einsum("tsk,tsk->ts", sinks.heat, warmth)
    said = pick(y, rows.captured)
    captured = np.where(sinks.plain, 0.0, captured)
    for numbers, value in ((rows.band, band), (rows.balance, warmth), (rows.tangent, tangent)):
        y[numbers[numbers >= 0]] = value[numbers >= 0]
    there = rows.captured >= 0
    y[rows.captured[there]] = np.minimum(captured, 0.0)[there]
    _price_flows(programme, y, said)
    _share_units(programme, y)
    _cap_late(programme, y)
    return y


def _shared(weights: Floats, whole: Floats, slack: Floats, real: Bools) -> Floats:
    """Scale the multipliers of a sink's tangents so that they add up to what a W of loss costs."""
    total = weights.sum(axis=1, where=real)
    tight = np.zeros_like(weights)
    tight[np.arange(len(weights)), np.argmin(np.where(real, slack, np.inf), axis=1)] = 1.0
    share = np.divide(weights * real, total[:, None], out=tight, where=total[:, None] > 0.0)
    return np.asarray(share * np.maximum(whole, 0.0)[:, None] * real)


def _price_flows(programme: Programme, y: Floats, said: Floats) -> None:
    """Best prices of heat in sinks without a store: up to the demand it is worth the backup, above it nothing.

    What a step proves is concave in its price h, ``(h − backup)·demand + Σ_u min over uses of (cost − h·heat)``: thirds
    of an interval that cannot hold the best are left out until it is narrow. What the solver said stays
    where it is as good.
    """
    rows, columns, sinks, units = programme.rows, programme.columns, programme.sinks, programme.units
    flows = np.flatnonzero(sinks.plain & (rows.captured >= 0).any(axis=0))
    mine = np.flatnonzero(np.isin(units.sink, flows))
    if not len(mine):
        return
    place = np.searchsorted(flows, units.sink[mine])
    reduced = programme.cost - programme.matrix.T @ y
    real = (columns.point >= 0)[:, mine]
    point, burn = pick(reduced, columns.point)[:, mine], pick(reduced, columns.burn)[:, mine]
    burns, watts, capture = (columns.burn >= 0)[:, mine], units.point_w[mine], units.capture[mine]
    most_w = np.broadcast_to(units.power_max_w, columns.burn.shape)[:, mine]
    taken_w = np.where(columns.taken >= 0, programme.high[np.maximum(columns.taken, 0)], 0.0)[:, flows]
    most = (sinks.backup_cost * programme.problem.step_s)[:, flows]

    def proved(price: Floats) -> Floats:
        heat = price[:, place] * capture
        burnt = np.where(burns, np.minimum(burn - heat, 0.0), 0.0)
        worth = np.where(real, point - (heat + burnt)[:, :, None] * watts, 0.0).min(axis=2, initial=0.0)
        use = burnt * most_w + np.minimum(worth, 0.0)
        return np.asarray((price - most) * taken_w + use @ (place[:, None] == np.arange(len(flows))))

    low, high = np.zeros_like(most), most.copy()
    for _ in range(_THIRDS):
        left, right = low + (high - low) / 3.0, high - (high - low) / 3.0
        rises = proved(left) < proved(right)
        low, high = np.where(rises, left, low), np.where(rises, high, right)
    best, given = 0.5 * (low + high), np.clip(-said[:, flows], 0.0, most)
    best = np.where(proved(given) >= proved(best) - _AS_GOOD * most * taken_w, given, best)
    there = rows.captured[:, flows] >= 0
    y[rows.captured[:, flows][there]] = -best[there]


def _share_units(programme: Programme, y: Floats) -> None:
    """Best multipliers of a unit's own rows, given the prices of its heat, its work and its site's power.

    The cheapest use of a unit is to burn or not, and all on one point or off: what it gains is what its rows are worth.
    """
    rows, columns = programme.rows, programme.columns
    y[rows.ceiling[rows.ceiling >= 0]] = 0.0
    y[rows.share[rows.share >= 0]] = 0.0
    reduced = programme.cost - programme.matrix.T @ y
    burnt = np.minimum(pick(reduced, columns.burn), 0.0)
    y[rows.ceiling[rows.ceiling >= 0]] = burnt[rows.ceiling >= 0]
    worth = pick(reduced, columns.point) - burnt[:, :, None] * programme.units.point_w
    worth = np.where(columns.point >= 0, worth, 0.0)
    best = np.minimum(worth.min(axis=2, initial=0.0), 0.0)
    y[rows.share[rows.share >= 0]] = best[rows.share >= 0]


def _cap_late(programme: Programme, y: Floats) -> None:
    """Scale the multipliers of deadlines down to what lateness costs."""
    rows = programme.rows
    for c, work in enumerate(programme.problem.work):
        own = rows.due[:, c][rows.due[:, c] >= 0]
        own = np.append(own, rows.end[c])
        y[own] = np.maximum(y[own], 0.0)
        total = float(y[own].sum())
        if total > work.late_cost:
            y[own] *= work.late_cost / total
