"""Nodes and units of a scenario while it is lived through: power states, caps, energy, failures."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Bools, Floats, Ints
from ondol.twin.layout import Layout


class Machines:
    """State of every node and unit. All nodes begin switched off.

    `up` is 1 for a node that has power; `target_w` what a unit may draw; `share` what its work is let have of its
    dynamic power; `energy_j` what each unit drew since it was last taken.
    """

    def __init__(self, layout: Layout) -> None:
        nodes, units = len(layout.node_ids), len(layout.unit_ids)
        self.layout = layout
        self.dyn_w = layout.node_max_w - layout.node_idle_w
        self.held, self.up = np.zeros(nodes, dtype=np.int64), np.zeros(nodes, dtype=np.int64)
        self.empty_since_s = np.full(nodes, -np.inf)
        self.failed_until_s = np.full(nodes, -np.inf)
        self.wanted_w, self.floor_w = np.zeros(units), np.zeros(units)
        self.target_w, self.share, self.work_w = np.zeros(units), np.ones(units), np.zeros(units)
        self.energy_j = np.zeros(units)
        self.starts = 0

    def accepts(self, now_s: float) -> Bools:
        """Per node, whether it may be given work."""
        return np.asarray(self.failed_until_s <= now_s)

    def take(self, nodes: Ints, now_s: float) -> Floats:
        """Give slots; gives from when work can run on each: a node that is off has to boot first [s]."""
        off = np.unique(nodes[self.up[nodes] == 0])
        ready_s = np.full(len(nodes), now_s)
        cold = np.isin(nodes, off)
        ready_s[cold] += self.layout.node_boot_s[nodes[cold]]
        self.up[off] = 1
        self.starts += len(off)
        np.add.at(self.held, nodes, 1)
        return ready_s

    def release(self, nodes: Ints, now_s: float) -> None:
        """Take slots back."""
        np.add.at(self.held, nodes, -1)
        empty = nodes[self.held[nodes] == 0]
        self.empty_since_s[empty] = now_s

    def fail(self, nodes: Ints, until_s: Floats, now_s: float) -> None:
        """Nodes break down: they draw nothing and take no work until they are mended."""
        self.failed_until_s[nodes] = until_s
        self.up[nodes] = 0
        self.empty_since_s[nodes] = now_s

    def set_targets(self) -> None:
        """A unit may draw what its thermostat wants or what the policy asks for, whichever is more.

        A site's electrical limit scales down what its units draw above idle, all alike.
        """
        layout = self.layout
        most = layout.unit_max_w
        self.target_w = np.minimum(np.maximum(self.wanted_w, self.floor_w), most)
        site_w = np.bincount(layout.unit_site, self.target_w, len(layout.site_ids))
        over = site_w > layout.site_limit_w
        if over.any():
            scale = np.where(over, layout.site_limit_w / np.maximum(site_w, 1e-9), 1.0)
            self.target_w = self.target_w * scale[layout.unit_site]

    def take_energy(self) -> Floats:
        """Energy of each unit since the last time [J]."""
        energy_j, self.energy_j = self.energy_j, np.zeros(len(self.energy_j))
        return energy_j

    def units_up(self) -> Floats:
        """1 for every unit with power on any node, else 0."""
        units = len(self.layout.unit_ids)
        return np.minimum(np.bincount(self.layout.node_unit, self.up, units), 1.0)
