"""Nodes and units of a scenario while it is lived through: power states, caps, energy, failures."""

from __future__ import annotations

import numpy as np

from ondol.model.errors import ConflictError
from ondol.model.view import Bools, Floats, Ints
from ondol.twin.layout import Layout


class Machines:
    """State of every node and unit. All nodes begin switched off.

    `up` is 1 for a node that has power; `target_w` what a unit may draw; `share` what its work is let have of its
    dynamic power; `booted_s` when its last boot ends or ended; `energy_j` what each unit drew since it was last taken.
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
        self.starts = 0
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
        np.add.at(self.held, nodes, 1)
        wrong = nodes[(self.held[nodes] > self.layout.node_slots[nodes]) | (self.failed_until_s[nodes] > now_s)]
        if len(wrong):
            np.add.at(self.held, nodes, -1)
            raise ConflictError(f"Node {self.layout.node_ids[int(wrong[0])]} has no free slot; nothing was started")
        off = np.unique(nodes[self.up[nodes] == 0])
        self.booted_s[off] = now_s + self.layout.node_boot_s[off]
        self.up[off] = 1
        self.starts += len(off)
        return np.asarray(np.maximum(self.booted_s[nodes], now_s))

    def release(self, nodes: Ints, now_s: float) -> None:
        """Take slots back."""
        np.add.at(self.held, nodes, -1)
        empty = nodes[self.held[nodes] == 0]
        self.empty_since_s[empty] = now_s

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
        self.target_w = np.minimum(np.maximum(self.wanted_w, self.floor_w), layout.unit_max_w)
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
        standing_w = np.where(self.up > 0, layout.node_idle_w, layout.node_off_w)
        return np.bincount(layout.node_unit, standing_w, len(layout.unit_ids)) + self.work_w * self.share

    def units_on(self, energy_j: Floats, span_s: float) -> Floats:
        """Share of a span for which each unit's case was warm, 0 to 1.

        1 where a node has power at its end; else at least the share of the range between off and full that it drew.
        """
        layout, units = self.layout, len(self.layout.unit_ids)
        up = np.bincount(layout.node_unit, self.up, units) > 0
        off_w = np.bincount(layout.node_unit, layout.node_off_w, units)
        drawn = (energy_j / span_s - off_w) / np.maximum(layout.unit_max_w - off_w, 1e-9)
        return np.where(up, 1.0, np.clip(drawn, 0.0, 1.0))
