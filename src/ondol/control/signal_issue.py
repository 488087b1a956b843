"""One making of the heat signal: the balance of every site over the quarters of an hour of two days."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ondol.model.ids import SiteId
from ondol.model.view import Floats, Ints, View
from ondol.policy.heat_balance import HeatBalance, heat_balance, horizon_s
from ondol.policy.plan.forecasts import plannable

STEP_S, HOUR_S = 900.0, 3600.0
AHEAD_S = 48 * HOUR_S
VALID_S = 900.0  # it counts for so long, should no newer one come [s, platform]


@dataclass(frozen=True, slots=True, eq=False)
class Issue:
    """One making of the signal, all sites.

    Parameters
    ----------
    view_s, valid_s : when it was made and until when it counts [s since the epoch]
    step_s : lengths of quarters, the first one to the next full quarter
    heat_slots : of those that heat somebody, as many as give the heat that is demanded, at the median
    """

    view_s: float
    valid_s: float
    step_s: Floats
    balance: HeatBalance
    site_ids: tuple[SiteId, ...]
    heat_slots: int


def issued(view: View) -> Issue:
    """Make the signal of a view."""
    ahead_s = min(AHEAD_S, horizon_s(view))
    first_s = STEP_S - view.now_s % STEP_S
    rest = max(0, math.ceil((ahead_s - first_s) / STEP_S - 1e-9))
    step_s = np.full(rest + 1, STEP_S)
    step_s[0] = first_s
    return Issue(
        view_s=view.now_s,
        valid_s=view.now_s + VALID_S,
        step_s=step_s,
        balance=heat_balance(view, step_s),
        site_ids=view.sites.ids,
        heat_slots=_heat_slots(view),
    )


def _heat_slots(view: View) -> int:
    """Slots at full load that give what sinks need in the hour that has begun: slots · min(demand / heat power, 1)."""
    units, nodes = view.units, view.nodes
    unit_slots = np.bincount(nodes.unit, weights=nodes.slots * nodes.accepts, minlength=len(units.ids))
    if not plannable(view):
        share = np.divide(
            units.wanted_w, units.power_max_w, out=np.zeros(len(units.ids)), where=units.power_max_w > 0.0
        )
        return math.floor(float((np.clip(np.nan_to_num(share), 0.0, 1.0) * unit_slots)[units.heats].sum()) + 0.5)
    sinks = len(view.sinks.ids)
    heated = units.sink >= 0
    slots = np.bincount(units.sink[heated], weights=unit_slots[heated], minlength=sinks)
    power_w = np.bincount(units.sink[heated], weights=units.power_max_w[heated], minlength=sinks)
    first = np.cumsum(view.ahead_s) <= max(HOUR_S, float(view.ahead_s[0]))
    need_w = np.average(view.sinks.demand_w[:, first], axis=1, weights=view.ahead_s[first])
    heat_w = view.sinks.capture * power_w
    share = np.divide(need_w, heat_w, out=np.zeros(sinks), where=heat_w > 0.0)
    return math.floor(float((np.clip(share, 0.0, 1.0) * slots).sum()) + 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class AreaWatts:
    """Of one area over steps, (levels, steps); quantiles rise from level to level [W].

    Parameters
    ----------
    wanted_w, wasted_w : see `heat_balance`
    power_w : heat that its units give at full load, above 0
    """

    wanted_w: Floats
    wasted_w: Floats
    power_w: float


def area_watts(issue: Issue, rows: Ints, step_s: float) -> AreaWatts:
    """Sum up sites by the row over steps of this length."""
    balance = issue.balance
    wanted = over_steps(issue, balance.wanted_w[:, rows].sum(axis=1), step_s)
    wasted = over_steps(issue, balance.wasted_w[:, rows].sum(axis=1), step_s)
    return AreaWatts(
        wanted_w=np.maximum.accumulate(wanted),
        wasted_w=np.maximum.accumulate(wasted[::-1])[::-1],
        power_w=max(float(balance.power_w[rows].sum()), 1.0),
    )


def over_steps(issue: Issue, values: Floats, step_s: float) -> Floats:
    """Means of quarters over longer steps, along the last axis."""
    begins, weights = cuts(issue, step_s), issue.step_s
    sums = np.add.reduceat(values * weights, begins, axis=-1)
    return np.asarray(sums / np.add.reduceat(weights, begins))


def starts_of(issue: Issue, step_s: float) -> Floats:
    """When steps of this length begin, and when the last one ends [s since the epoch]."""
    ends = issue.view_s + np.cumsum(np.add.reduceat(issue.step_s, cuts(issue, step_s)))
    return np.concatenate([[issue.view_s], ends])


def cuts(issue: Issue, step_s: float) -> Ints:
    """Where steps of this length begin among quarters: on the clock's full hours."""
    begins = issue.view_s + np.cumsum(issue.step_s) - issue.step_s
    number = np.floor(begins / step_s + 1e-9)
    return np.flatnonzero(np.diff(number, prepend=number[0] - 1.0))
