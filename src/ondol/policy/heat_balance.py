"""What backup heaters would burn, and what work would waste, if nobody submitted anything any more.

For each sink the store of `SinkColumns` is run over the hours ahead, at several quantiles of its demand at once::

    x  = e·(1 − loss·Δ) + (q − d)·Δ        missing = max(−x, 0)/Δ        dumped = max(x − capacity, 0)/Δ

q is the heat of idle power and of **own work on hand**: what runs, to its expected end at full speed, and what is
queued. Of the queue, work that can wait covers what is missing, as far as its seconds, the units and its allowances
reach; work that cannot wait runs at once, where heat is missing first, then in racks, then in whatever sink is left.

    wanted = missing that the units could give, their free power at full load · capture
    wasted = dumped, but no more than the heat of that work: idle power is not work

Filler is left out on both sides. It runs for heat alone, so that heat which only filler would give is wanted, and it
ends where heat is not wanted. A rack's heat reaches nobody, whatever is signalled: it counts on neither side.

Quantiles: demand is taken to be normal about its mean, with the 90 % quantile that the View tells, and all errors to
go together, over sinks and over time: the weather makes most of them. That is the cautious end; errors that are apart
would partly cancel in a sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ondol.model.view import Floats, Ints, View
from ondol.policy.heat_work import LEVELS, cover, lines_of, own_work, run_at_once
from ondol.policy.plan.forecasts import plannable

LOW, CENTRAL, HIGH = LEVELS.index(0.1), LEVELS.index(0.5), LEVELS.index(0.9)
_Z90 = NormalDist().inv_cdf(0.9)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeatBalance:
    """Heat and work of every site over successive steps.

    Parameters
    ----------
    wanted_w, wasted_w : (levels, sites, steps), see the module [W]
    work_w : (sites, steps) electric power of own work on hand, at the median [W]
    power_w : (sites,) heat that the units give at full load [W]
    grid_g_per_kwh : (sites, steps) [gCO2e/kWh], nan where unknown
    forecast : whether sinks were known as stores with forecasts; else thermostats spoke, and no quantile is known
    """

    wanted_w: Floats
    wasted_w: Floats
    work_w: Floats
    power_w: Floats
    grid_g_per_kwh: Floats
    forecast: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Stores:
    """Sinks as stores; demand at each level, (levels, sinks, spans) over spans of these lengths."""

    site: Ints
    of_unit: Ints
    level_j: Floats
    capacity_j: Floats
    loss_per_s: Floats
    capture: Floats
    demand_w: Floats
    span_s: Floats
    grid: Floats


def horizon_s(view: View) -> float:
    """How far ahead a view tells of heat [s]."""
    if plannable(view):
        return float(np.nansum(np.maximum(view.ahead_s, 0.0)))
    return float(view.step_s * view.units.wanted_ahead_w.shape[1])


def heat_balance(view: View, step_s: Floats) -> HeatBalance:
    """Run all stores of a view over steps from now on.

    Parameters
    ----------
    step_s : lengths of the steps, above 0, an hour at most, together within `horizon_s` [s]
    """
    stores = _stores(view)
    own = own_work(view, stores.of_unit, stores.capture)
    lines = lines_of(view, own)
    sites, steps = len(view.sites.ids), len(step_s)
    begin_s = np.cumsum(step_s) - step_s
    middle_s = begin_s + step_s / 2.0
    span = np.minimum(np.searchsorted(np.cumsum(stores.span_s), middle_s, side="right"), len(stores.span_s) - 1)
    level_j = np.repeat(stores.level_j[None, :], len(LEVELS), axis=0)
    wanted, wasted = np.zeros((len(LEVELS), sites, steps)), np.zeros((len(LEVELS), sites, steps))
    work = np.zeros((sites, steps))
    for step in range(steps):
        length_s = float(step_s[step])
        runs_w, free_s = own.at(float(begin_s[step]), length_s)
        kept = np.maximum(1.0 - stores.loss_per_s * length_s, 0.0)
        given_w = stores.capture * (own.idle_w + runs_w)
        x = level_j * kept + (given_w - stores.demand_w[:, :, span[step]]) * length_s
        took_s = cover(lines, x, free_s, own.heat_per_slot_w)
        took_s += run_at_once(lines, x, free_s, own.heat_per_slot_w, own.rack_slots * length_s)
        missing_w = np.maximum(-x, 0.0) / length_s
        dumped_w = np.maximum(x - stores.capacity_j, 0.0) / length_s
        wanted_w = np.minimum(missing_w, free_s / length_s * own.heat_per_slot_w)
        wasted_w = np.minimum(dumped_w, stores.capture * runs_w + took_s * own.heat_per_slot_w / length_s)
        for level in range(len(LEVELS)):
            wanted[level, :, step] = np.bincount(stores.site, weights=wanted_w[level], minlength=sites)
            wasted[level, :, step] = np.bincount(stores.site, weights=wasted_w[level], minlength=sites)
        drawn_w = runs_w + took_s[CENTRAL] / length_s * own.slot_w
        work[:, step] = np.bincount(stores.site, weights=drawn_w, minlength=sites)
        level_j = np.clip(x, 0.0, stores.capacity_j)
    return HeatBalance(
        wanted_w=wanted,
        wasted_w=wasted,
        work_w=work,
        power_w=np.bincount(stores.site, weights=own.full_heat_w, minlength=sites).astype(np.float64),
        grid_g_per_kwh=np.asarray(stores.grid[:, span]),
        forecast=plannable(view),
    )


def _stores(view: View) -> _Stores:
    return _foreseen(view) if plannable(view) else _by_thermostats(view)


def _foreseen(view: View) -> _Stores:
    sinks = view.sinks
    kept = np.isfinite(view.ahead_s) & (view.ahead_s > 0.0)
    mean = np.maximum(sinks.demand_w[:, kept], 0.0)
    spread = np.maximum(sinks.demand_high_w[:, kept] - sinks.demand_w[:, kept], 0.0) / _Z90
    z = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
    capacity_j = np.maximum(sinks.capacity_j, 0.0)
    grid = view.ahead_grid_g_per_kwh
    if grid.shape != (len(view.sites.ids), len(view.ahead_s)):
        grid = np.repeat(view.sites.grid_g_per_kwh[:, :1], len(view.ahead_s), axis=1)
    return _Stores(
        site=sinks.site,
        of_unit=view.units.sink,
        level_j=np.clip(sinks.store_j, 0.0, capacity_j),
        capacity_j=capacity_j,
        loss_per_s=np.maximum(sinks.loss_per_s, 0.0),
        capture=np.clip(sinks.capture, 0.0, 1.0),
        demand_w=np.maximum(mean + z[:, None, None] * spread, 0.0),
        span_s=view.ahead_s[kept],
        grid=grid[:, kept],
    )


def _by_thermostats(view: View) -> _Stores:
    """Where nothing is forecast: what thermostats want, the room in their sinks, and no spread."""
    units = view.units
    sinks = int(units.sink.max(initial=-1)) + 1
    rows = np.flatnonzero(units.heats & (units.sink >= 0))
    of = units.sink[rows]
    site = np.zeros(sinks, dtype=np.int64)
    site[of] = units.site[rows]
    steps = units.wanted_ahead_w.shape[1]
    demand = np.zeros((sinks, steps))
    np.add.at(demand, of, np.maximum(np.nan_to_num(units.wanted_ahead_w[rows]), 0.0))
    room_j = np.bincount(of, weights=np.nan_to_num(units.room_j[rows]), minlength=sinks).astype(np.float64)
    return _Stores(
        site=site,
        of_unit=units.sink,
        level_j=np.zeros(sinks),
        capacity_j=np.maximum(room_j, 0.0),
        loss_per_s=np.zeros(sinks),
        capture=np.ones(sinks),
        demand_w=np.repeat(demand[None, :, :], len(LEVELS), axis=0),
        span_s=np.full(steps, view.step_s),
        grid=view.sites.grid_g_per_kwh,
    )
