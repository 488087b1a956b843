"""How much later work ran than it might have: what budgets give back and what the usage mirror shows rest on this."""

from __future__ import annotations

from dataclasses import dataclass

NO_WAIT_S = 300.0
"""A run that is less late than this began at once: a decision, a boot and a window of the ledger take that long [s]."""


@dataclass(frozen=True, slots=True)
class Run:
    """How far a task's run has come: since when it could run, and for how long it did.

    Had it begun at `ready_s` and never stopped, the window that begins at t would have begun at `ready_s` + `ran_s`.
    So it is late by t − ready_s − ran_s, and its electricity would have been that of the same grid so much earlier.

    Parameters
    ----------
    ready_s : when it was submitted, or when what kept it from running was over [s since the epoch]
    ran_s : length of the windows in which it used energy, from `ready_s` on, ≥ 0 [s]
    """

    ready_s: float
    ran_s: float = 0.0

    def late_s(self, start_s: float) -> float:
        """By how much a window that begins at `start_s` is late [s]; 0 for less than `NO_WAIT_S`."""
        late_s = start_s - self.ready_s - self.ran_s
        return late_s if late_s >= NO_WAIT_S else 0.0

    def after(self, start_s: float, end_s: float) -> Run:
        """As it stands after a window; of one that began before the submission only what lies behind that counts."""
        return Run(self.ready_s, self.ran_s + max(0.0, end_s - max(start_s, self.ready_s)))
