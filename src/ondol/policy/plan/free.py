"""Free slots while they are given out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ondol.model.view import Bools, Floats, Ints, View
from ondol.policy.fit import Fit, fit
from ondol.policy.plan.field import Field


@dataclass(slots=True, eq=False)
class Free:
    """Free slots in the order of use, and who has got which so far."""

    nodes: Ints
    left: Bools
    rows: list[Ints] = field(default_factory=list)
    got: list[Ints] = field(default_factory=list)
    near: list[Bools] = field(default_factory=list)

    def give(self, view: View, ground: Field, line: Ints, among: Bools) -> Fit:
        """Give slots that are left, among these, to work in line."""
        at = np.flatnonzero(self.left & among)
        fitted = fit(view, line, self.nodes[at], ground.equals(self.nodes[at]))
        self.take(fitted.rows, at[fitted.slots], fitted.near)
        return fitted

    def take(self, rows: Ints, at: Ints, near: Bools) -> None:
        """Note who gets which slots, given by their positions."""
        self.left[at] = False
        self.rows.append(rows)
        self.got.append(self.nodes[at])
        self.near.append(near)

    def given_w(self, ground: Field) -> Floats:
        """Watts of all slots that are given so far, per sink."""
        return ground.per_sink_w(np.concatenate(self.got))
