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


def cuts(issue: Issue, step_s: float) -> Ints:
    """Where steps of this length begin among quarters: on the clock's full hours."""
    begins = issue.view_s + np.cumsum(issue.step_s) - issue.step_s
    number = np.floor(begins / step_s + 1e-9)
    return np.flatnonzero(np.diff(number, prepend=number[0] - 1.0))
