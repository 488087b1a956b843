"""The field that work is placed on: what a joule of electricity is worth at each node, and what each sink draws.

``gain = capture·value − grid·PUE`` [gCO2e/kWh]: what a kWh of electricity saves by its heat, less what it costs. A rack
saves nothing, so its gain is the cost alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.plan.forecasts import demand_w, electricity_g_per_kwh
from ondol.policy.plan.outline import Outline
from ondol.policy.standing import Standing

STORE_S = 3600.0
"""A sink that its units fill sooner than this stores next to nothing: what it cannot use at once is wasted."""

EQUAL_G_PER_KWH = 5.0  # gains that differ by less are equal: then inputs at hand decide


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """Where power is worth what, and what runs where.

    Parameters
    ----------
    gain_g_per_kwh : per node, worth of a kWh of its electricity [gCO2e/kWh]
    cost_g_per_kwh : per node, carbon of a kWh of its electricity [gCO2e/kWh]
    sink : per node, row of its sink, -1 for racks
    slot_w : per node, power of one more slot at full load, its idle share included [W]
    cold : per node, whether it has no power yet
    planned_w : per sink, electric power that the plan gives it [W]
    unplanned : per sink, whether the plan gives it nothing just now, where `planned_w` is eased over the last plans
    heat_w : per sink, electric power that the plan would give it if there were no work, for its heat alone [W]
    gains : per sink, whether a kWh there is worth more than its electricity
    useful_w, filler_w : per sink, what runs at full load, or at the cap of its task [W]
    spare_w : per sink that stores next to nothing, what it can use beyond what runs, in the mean of a day; inf where
        there is a store [W]
    some_filler : per sink, whether there is filler, be it leaving
    """

    gain_g_per_kwh: Floats
    cost_g_per_kwh: Floats
    sink: Ints
    slot_w: Floats
    cold: Bools
    planned_w: Floats
    unplanned: Bools
    heat_w: Floats
    gains: Bools
    useful_w: Floats
    filler_w: Floats
    spare_w: Floats
    some_filler: Bools

    def per_sink_w(self, nodes: Ints) -> Floats:
        """Sum up the watts of slots, given by their nodes, by sink; racks count for none."""
        mine = nodes[self.sink[nodes] >= 0]
        return np.asarray(np.bincount(self.sink[mine], self.slot_w[mine], len(self.planned_w)), dtype=np.float64)

    def within(self, nodes: Ints, budget_w: Floats, *, strictly: bool = False) -> Bools:
        """Tell which slots, in order, fit half or more into what is left of the budgets of their sinks; racks never do.

        Parameters
        ----------
        strictly : those that fit by just half do not
        """
        inside = np.zeros(len(nodes), dtype=np.bool_)
        order, before_w, watts = self.summed(nodes)
        middle_w, most_w = before_w + 0.5 * watts, budget_w[self.sink[nodes[order]]]
        inside[order] = middle_w < most_w if strictly else middle_w <= most_w
        return inside

    def summed(self, nodes: Ints) -> tuple[Ints, Floats, Floats]:
        """Positions of slots in sinks, sink by sink in their order; watts of those before in the sink, and its own."""
        at = np.flatnonzero(self.sink[nodes] >= 0)
        order = at[np.argsort(self.sink[nodes[at]], kind="stable")]
        owner, watts = self.sink[nodes[order]], self.slot_w[nodes[order]]
        total = np.cumsum(watts) - watts
        begin = np.flatnonzero(np.diff(owner, prepend=-1))
        return order, total - np.repeat(total[begin], np.diff(np.append(begin, len(order)))), watts

    def equals(self, nodes: Ints) -> Ints:
        """Number the slots by runs of equal gain, sinks apart from racks: only their inputs tell them apart."""
        if not len(nodes):
            return np.zeros(0, dtype=np.int64)
        changes = (np.diff(self._level(nodes)) != 0) | (np.diff(self.sink[nodes] < 0))
        return np.concatenate(([0], np.cumsum(changes)))

    def wasted(self) -> Bools:
        """Tell which nodes give heat that is worth less than half of its electricity; racks do."""
        return np.asarray(self.gain_g_per_kwh < -0.5 * self.cost_g_per_kwh, dtype=np.bool_)

    def in_order(self, nodes: Ints, first: tuple[Floats | Ints | Bools, ...] = ()) -> Ints:
        """Positions of slots by falling gain, racks after sinks of equal gain; `first` tells equals apart."""
        return np.lexsort((*reversed(first), self.sink[nodes] < 0, -self._level(nodes)))

    def _level(self, nodes: Ints) -> Floats:
        return np.asarray(np.round(self.gain_g_per_kwh[nodes] / EQUAL_G_PER_KWH))


def field_of(view: View, now: Standing, outline: Outline) -> Field:
    """Lay the plan over what runs."""
    units, nodes, sinks, instances = view.units, view.nodes, view.sinks, view.instances
    count = len(sinks.ids)
    sink = np.where(units.heats, units.sink, -1)[nodes.unit]
    cost = electricity_g_per_kwh(view)[:, 0][units.site[nodes.unit]]
    value = np.array([outline.value_g_per_kwh.get(key, 0.0) for key in sinks.ids])
    slot_w = nodes.max_w / np.maximum(nodes.slots, 1)
    rows = np.flatnonzero(now.unit >= 0)
    rows = rows[sink[instances.node[rows]] >= 0]
    at, phase = instances.node[rows], instances.phase[rows]
    filler, leaving = instances.service[rows] == ServiceClass.FILLER, phase == Phase.LEAVING

    full_w = slot_w[at]
    if len(instances.draw_cap):  # what is capped leaves some of its slot's range from idle to full
        range_w = (nodes.max_w - nodes.idle_w) / np.maximum(nodes.slots, 1)
        full_w = full_w - range_w[at] * (1.0 - instances.draw_cap[rows])

    def summed(chosen: Bools) -> Floats:
        return np.asarray(np.bincount(sink[at[chosen]], full_w[chosen], count), dtype=np.float64)

    useful_w = summed(~filler & ~leaving)
    spare_w = _usable_w(view, sink) - useful_w
    value = np.where(spare_w > 0.0, value, 0.0)  # a plan does not know what is bound to a sink for days
    gain = np.where(sink >= 0, (sinks.capture * value)[np.maximum(sink, 0)], 0.0) - cost
    gains = np.zeros(count, dtype=np.bool_)
    gains[sink[(sink >= 0) & (gain > 0.0)]] = True
    return Field(
        gain_g_per_kwh=gain,
        cost_g_per_kwh=cost,
        sink=sink,
        slot_w=slot_w,
        cold=~nodes.up if len(nodes.up) else np.zeros(len(nodes.ids), dtype=np.bool_),
        planned_w=np.array([outline.soon_w.get(key, 0.0) for key in sinks.ids]),
        gains=gains,
        heat_w=np.array([outline.heat_w.get(key, 0.0) for key in sinks.ids]),
        unplanned=np.array([outline.power_w.get(key, 0.0) <= 0.0 for key in sinks.ids], dtype=np.bool_),
        useful_w=useful_w,
        filler_w=summed(filler & ~leaving),
        spare_w=spare_w,
        some_filler=summed(filler) > 0.0,
    )


def _usable_w(view: View, sink: Ints) -> Floats:
    """Electric power whose heat each sink can use in the mean of a day, inf where there is a store [W]."""
    sinks, nodes, ahead_s = view.sinks, view.nodes, view.ahead_s
    usable_w = np.full(len(sinks.ids), np.inf)
    day = (ahead_s > 0.0) & (np.cumsum(ahead_s) - ahead_s < 86_400.0)
    if sinks.demand_w.shape != (len(sinks.ids), len(ahead_s)) or not day.any():
        return usable_w
    most_w = np.bincount(sink[sink >= 0], nodes.max_w[sink >= 0], len(sinks.ids))
    flows = np.flatnonzero(sinks.capacity_j < STORE_S * most_w)
    mean_w = np.average(demand_w(view, 0.0)[flows][:, day], axis=1, weights=ahead_s[day])
    usable_w[flows] = mean_w / np.maximum(sinks.capture[flows], 1e-9)
    return usable_w


def free_slots_in_order(view: View, now: Standing, field: Field) -> Ints:
    """Node rows of free slots: highest gain first, then nodes with power, then the fullest units one after another."""
    nodes, units = view.nodes, len(view.units.ids)
    held = np.flatnonzero(now.unit >= 0)
    slots = np.bincount(nodes.unit, nodes.slots, units)
    full = np.bincount(now.unit[held], minlength=units) / np.maximum(slots, 1)
    free = np.repeat(np.arange(len(nodes.ids)), now.free)
    unit = nodes.unit[free]
    return free[field.in_order(free, (field.cold[free], -full[unit], unit, free))]
