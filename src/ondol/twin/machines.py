"""Nodes and units of a scenario while it is lived through: power states, caps, energy, failures."""

from __future__ import annotations

import numpy as np

from ondol.model.errors import ConflictError
from ondol.model.view import Bools, Floats, Ints
from ondol.twin.compiled import compiled
from ondol.twin.layout import Layout


class Machines:
    """State of every node and unit. All nodes begin switched off.

    `up` is 1 for a node that has power; `target_w` what a unit may draw; `share` what its work is let have of its
    dynamic power, and `work_w` what it draws of it; `booted_s` when its last boot ends or ended; `energy_j` what each
    unit drew since it was last taken; `changes` grows whenever slots are taken or given back.
    """

    def __init__(self, layout: Layout) -> None:
        nodes, units = len(layout.node_ids), len(layout.unit_ids)
        self.layout = layout
        self.dyn_w = layout.node_max_w - layout.node_idle_w
        self.held, self.up = np.zeros(nodes, dtype=np.int64), np.zeros(nodes, dtype=np.int64)
        self.empty_since_s = np.full(nodes, -np.inf)
        self.failed_until_s = np.full(nodes, -np.inf)
        self.booted_s = np.full(nodes, -np.inf)
        self.wanted_w, self.floor_w = np.zeros(units), np.zeros(units)
        self.target_w, self.share, self.work_w = np.zeros(units), np.ones(units), np.zeros(units)
        self.energy_j = np.zeros(units)
        self.off_w = np.bincount(layout.node_unit, layout.node_off_w, units).astype(np.float64)
        self.starts = self.changes = 0
        most_w = np.bincount(layout.unit_site, layout.unit_max_w, len(layout.site_ids))
        self._limited = bool((most_w > layout.site_limit_w).any())

    def accepts(self, now_s: float) -> Bools:
        """Per node, whether it may be given work."""
        return np.asarray(self.failed_until_s <= now_s)

    def take(self, nodes: Ints, now_s: float) -> Floats:
        """Give slots; gives from when work can run on each: a node that is off has to boot first [s].

        Raises
        ------
        ConflictError : a node has no free slot, or is broken down
        """
        layout = self.layout
        wrong = _give(nodes, layout.node_slots, self.held, self.failed_until_s, now_s)
        if wrong >= 0:
            raise ConflictError(f"Node {layout.node_ids[wrong]} has no free slot; nothing was started")
        self.changes += 1
        ready_s = np.empty(len(nodes))
        self.starts += _boot(nodes, self.up, self.booted_s, layout.node_boot_s, now_s, ready_s)
        return ready_s

    def release(self, nodes: Ints, now_s: float) -> None:
        """Take slots back."""
        _release(nodes, self.held, self.empty_since_s, now_s)
        self.changes += 1

    def fail(self, nodes: Ints, until_s: Floats, now_s: float) -> None:
        """Nodes break down: they draw what a switched-off one does and take no work until they are mended."""
        self.failed_until_s[nodes] = until_s
        self.up[nodes] = 0
        self.empty_since_s[nodes] = now_s

    def set_targets(self) -> None:
        """A unit may draw what its thermostat wants or what the policy asks for, whichever is more.

        A site's electrical limit scales down what its units draw above standing idle, all alike.
        """
        layout = self.layout
        _targets(self.wanted_w, self.floor_w, layout.unit_max_w, self.target_w)
        if not self._limited:
            return
        units, sites = len(layout.unit_ids), len(layout.site_ids)
        idle_w = np.bincount(layout.node_unit, np.where(self.up > 0, layout.node_idle_w, 0.0), units)
        off_w = np.bincount(layout.node_unit, np.where(self.up > 0, 0.0, layout.node_off_w), units)
        above_w = np.maximum(self.target_w - idle_w, 0.0)
        site_w = np.bincount(layout.unit_site, above_w, sites)
        left_w = np.maximum(layout.site_limit_w - np.bincount(layout.unit_site, idle_w + off_w, sites), 0.0)
        scale = np.where(site_w > left_w, left_w / np.maximum(site_w, 1e-9), 1.0)[layout.unit_site]
        self.target_w = np.where(scale < 1.0, idle_w + above_w * scale, self.target_w)

    def take_energy(self) -> Floats:
        """Energy of each unit since the last time [J]."""
        energy_j, self.energy_j = self.energy_j, np.zeros(len(self.energy_j))
        return energy_j

    def power_w(self) -> Floats:
        """What each unit draws now: idle nodes, and work under its share [W]."""
        layout = self.layout
        return np.asarray(_power(self.up, layout.node_unit, layout.node_idle_w, layout.node_off_w, self.work_w))

    def units_on(self, energy_j: Floats, span_s: float) -> Floats:
        """Share of a span for which each unit's case was warm, 0 to 1.

        1 where a node has power at its end; else at least the share of the range between off and full that it drew.
        """
        return np.asarray(_on(self.up, self.layout.node_unit, energy_j, self.off_w, self.layout.unit_max_w, span_s))


@compiled
def _give(nodes: Ints, slots: Ints, held: Ints, failed_until_s: Floats, now_s: float) -> int:
    """Give a slot of each node; gives the first node that has none to give, and then gives none; else -1."""
    for k in range(len(nodes)):
        held[nodes[k]] += 1
    for n in nodes:
        if held[n] > slots[n] or failed_until_s[n] > now_s:
            for other in nodes:
                held[other] -= 1
            return int(n)
    return -1


@compiled
def _boot(nodes: Ints, up: Ints, booted_s: Floats, boot_s: Floats, now_s: float, ready_s: Floats) -> int:
    """Switch on what is off, and say when each node is there; gives how many are switched on."""
    count = 0
    for k in range(len(nodes)):
        n = nodes[k]
        if up[n] == 0:
            booted_s[n] = now_s + boot_s[n]
            up[n] = 1
            count += 1
        ready_s[k] = max(booted_s[n], now_s)
    return count


@compiled
def _release(nodes: Ints, held: Ints, empty_since_s: Floats, now_s: float) -> None:
    for n in nodes:
        held[n] -= 1
    for n in nodes:
        if held[n] == 0:
            empty_since_s[n] = now_s


@compiled
def _targets(wanted_w: Floats, floor_w: Floats, most_w: Floats, target_w: Floats) -> None:
    for u in range(len(target_w)):
        target_w[u] = min(max(wanted_w[u], floor_w[u]), most_w[u])


@compiled
def _power(up: Ints, node_unit: Ints, idle_w: Floats, off_w: Floats, work_w: Floats) -> Floats:
    power_w = np.zeros(len(work_w))
    for n in range(len(up)):
        power_w[node_unit[n]] += idle_w[n] if up[n] > 0 else off_w[n]
    for u in range(len(power_w)):
        power_w[u] += work_w[u]
    return power_w


@compiled
def _on(up: Ints, node_unit: Ints, energy_j: Floats, off_w: Floats, most_w: Floats, span_s: float) -> Floats:
    on = np.empty(len(energy_j))
    for u in range(len(on)):
        drawn = (energy_j[u] / span_s - off_w[u]) / max(most_w[u] - off_w[u], 1e-9)
        on[u] = min(max(drawn, 0.0), 1.0)
    for n in range(len(up)):
        if up[n] > 0:
            on[node_unit[n]] = 1.0
    return on
