"""The common price of work: what a node-second must be worth so that all stores together do the work that is wanted.

The stores share nothing but the work, so the plan falls apart into one per store under a price λ (Lagrangian
decomposition): at a higher price each does more. The price that clears is found by trying several at a time, and at it
some stores are as well off with more work as with less; they get what is missing by worth, then by id. With a bracket
[λ⁻, λ⁺] of plans that do W⁻ ≤ W ≤ W⁺ the plan costs at most ``(λ⁺ − λ⁻)·(W⁺ − W⁻)`` more than the best one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats
from ondol.policy.plan.curves import Curves, Guess, guess_of
from ondol.policy.plan.problem import J_PER_KWH, StoreProblem
from ondol.policy.plan.search import Search, Tried, crossing, deal
from ondol.policy.plan.stores import MULTIPLIERS, StorePlan, plans_at
from ondol.policy.plan.trial import SAMPLE, Range, Trial, range_of

_ITERATIONS = 25
_JUMP_DOUBTS = 2.0  # so many doubts from a price of 0 the jump in work there is looked at first
_NEXT_TO_NONE = 1e-9  # of the range of prices


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorkPlan:
    """The plan of all stores, and the price under which each would choose its part.

    Parameters
    ----------
    price_g_per_node_s : (H,) carbon that a node-second is worth in each step [gCO2e/node-s]
    plan : what each store does
    overflow_node_s : wanted work that stores do not take at the price of the overflow site: what of it cannot wait goes
        there, the rest waits
    off_curve_node_s : most by which the planned work runs ahead of what is released or stays behind what is due
    iterations : prices tried on all stores
    """

    price_g_per_node_s: Floats
    plan: StorePlan
    overflow_node_s: float
    off_curve_node_s: float
    iterations: int


def overflow_g_per_node_s(electricity_g_per_kwh: float, node_w: float) -> float:
    """Carbon of a node-second at a site that nobody heats with: ``g·PUE·W / 3.6e6``.

    Parameters
    ----------
    electricity_g_per_kwh : of the site, times its PUE [gCO2e/kWh]
    node_w : power of one node at full load [W]
    """
    return electricity_g_per_kwh * node_w / J_PER_KWH


def price_of_work(
    problem: StoreProblem,
    wanted_node_s: float,
    *,
    overflow_price_g_per_node_s: float | None = None,
    released_node_s: Floats | None = None,
    due_node_s: Floats | None = None,
    most_multipliers: int | None = MULTIPLIERS,
    most_buckets: int = 4,
) -> WorkPlan:
    """Find the price at which the stores do the wanted work, and the plan.

    Parameters
    ----------
    wanted_node_s : work to be done within the horizon, ≥ 0 [node-s]
    overflow_price_g_per_node_s : carbon at which work can be done elsewhere: the price goes no higher; None for nowhere
    released_node_s : (H,) work that may be done by the end of each step, cumulative; None if all is here
    due_node_s : (H,) work that must be done by the end of each step, cumulative, no more than released and than wanted
    most_multipliers : see `plan_stores`
    most_buckets : prices that may differ where the curves bind, 1 or more

    Raises
    ------
    InvalidFieldError : a negative or not finite number, curves that fall or contradict each other
    """
    if not (np.isfinite(wanted_node_s) and wanted_node_s >= 0.0):
        raise InvalidFieldError("wanted_node_s", wanted_node_s, "a finite number of 0 or more")
    cap = overflow_price_g_per_node_s
    if cap is not None and not (np.isfinite(cap) and cap >= 0.0):
        raise InvalidFieldError("overflow_price_g_per_node_s", cap, "a finite number of 0 or more, or None")
    if most_buckets < 1:
        raise InvalidFieldError("most_buckets", most_buckets, "1 or more")
    curves = Curves.checked(problem.steps, wanted_node_s, released_node_s, due_node_s)
    span = range_of(problem, cap)
    guess = guess_of(Trial.of(problem, span), curves, most_buckets)
    return _clear(problem, curves, span, guess, most_multipliers)


def _at_no_price(problem: StoreProblem, span: Range, guess: Guess) -> list[float]:
    """Shifts to just below and above a price of 0, where that may be the right one.

    Where power may be used for heat alone, no work is done below 0 and much above: if there is too little work for the
    heat that is wanted, the price lies in that jump, and no other need be tried.
    """
    price = guess.price_g_per_node_s
    near = abs(float(price[0])) <= _JUMP_DOUBTS * guess.doubt_g_per_node_s
    if not (problem.burn.any() and near and (price == price[0]).all() and span.low < 0.0 < span.high):
        return []
    tiny = _NEXT_TO_NONE * (span.high - span.low)
    return [-tiny - float(price[0]), tiny - float(price[0])]


def _clear(problem: StoreProblem, curves: Curves, span: Range, guess: Guess, most: int | None) -> WorkPlan:
    """Shift the prices by a common amount until all stores together do the wanted work, and deal out what is left."""
    wanted, widest = curves.wanted_node_s, span.high - span.low
    search = Search(guess, widest, wanted, several=problem.stores <= SAMPLE)
    iterations = 0
    shifts = _at_no_price(problem, span, guess) or search.first()
    while shifts and iterations + len(shifts) <= _ITERATIONS:
        rows = np.clip(guess.price_g_per_node_s + np.array(shifts)[:, None], span.low, span.high)
        for shift, plan in zip(shifts, plans_at(problem, rows, most_multipliers=most), strict=True):
            search.learn(Tried(shift, plan))
        iterations += len(shifts)
        shifts = search.following()
    low, high = search.low, search.high
    if low is None or high is None:
        # All prices are at one end of what matters: no work at all, or all that there can be.
        edge = search.nearest()
        plan, shift = edge.plan, edge.shift
    else:
        plan, shift = deal(problem, low, high, wanted), crossing(low, high, wanted)
    done = np.cumsum(plan.work_node_s.sum(axis=0))
    short = wanted - float(done[-1])
    return WorkPlan(
        price_g_per_node_s=np.clip(guess.price_g_per_node_s + shift, span.low, span.high),
        plan=plan,
        overflow_node_s=short if high is None and short > 0.0 else 0.0,
        off_curve_node_s=curves.off(done),
        iterations=iterations,
    )
