"""Which instances a View shows, and their columns: made anew only when work has joined, begun, ended or left."""

from __future__ import annotations

import numpy as np

from ondol.model.ids import InstanceId
from ondol.model.view import Floats, Ints, ServiceClass
from ondol.policy.urgency import MARGIN_S, PATIENCE_S, STRETCH
from ondol.twin.attempts import Attempts
from ondol.twin.transitions import PHASE_OF

LEAST_SHOWN = 256  # of each class, as in `control.columns`


class Shown:
    """The instances that a View shows, by the column.

    Parameters
    ----------
    slots : of the fleet; so many of each class are shown, and at least `LEAST_SHOWN`
    begin_s : of the scenario [s since the epoch]

    `columns` are those that were asked for and stay as they are until the next change.
    """

    def __init__(self, attempts: Attempts, slots: int, begin_s: float) -> None:
        self._attempts, self._begin_s = attempts, begin_s
        self._most = max(LEAST_SHOWN, slots)
        self._names, self._named = np.empty(0, dtype=object), np.zeros(0, dtype=np.bool_)
        self._changes = -1
        self.columns: dict[str, object] = {}
        self.rows = np.zeros(0, dtype=np.int64)
        self.beyond = np.zeros(len(ServiceClass), dtype=np.int64)

    def look(self) -> None:
        """Bring `rows` and `beyond` up to date: of all instances, and how many of each class are left out."""
        if self._changes != self._attempts.changes:
            self._changes = self._attempts.changes
            self.columns = {}
            self.rows, self.beyond = self._rows()

    def forget(self, rows: Ints) -> None:
        """These instances are over: their names are not needed again."""
        if len(self._names):
            self._names[rows] = None
            self._named[rows] = False

    def column(self, name: str, now_s: float) -> object:
        """Give a column of `InstanceColumns` other than `data`, as of a moment [s from the begin]."""
        if name == "done_s":
            return self._attempts.done_s.take(self.rows)
        if name == "since_s":
            return self._begin_s + np.minimum(self._attempts.since_s.take(self.rows), now_s)
        self.columns[name] = column = self._make(name)
        return column

    def _make(self, name: str) -> object:
        attempts, rows = self._attempts, self.rows
        if name == "ids":
            return self._ids(rows)
        if name == "phase":
            phase = PHASE_OF.take(attempts.attempt.take(rows), mode="wrap")  # those without an attempt: any, then none
            return np.where(attempts.node.take(rows) >= 0, phase, 0)
        if name == "allowed":
            return np.zeros(len(rows), dtype=np.int64)
        if name == "expected_s":
            run_s = attempts.run_s.take(rows)
            return np.where(np.isfinite(run_s), run_s, np.nan)
        if name in ("speed_cap", "draw_cap"):
            return self._caps(attempts.speed_cap if name == "speed_cap" else attempts.most_share)
        column = getattr(attempts, name).take(rows)
        return self._begin_s + column if name in ("submitted_s", "deadline_s") else column

    def _caps(self, caps: Floats) -> Floats:
        """Caps of what is shown; empty where no job has one."""
        return caps.take(self.rows) if self._attempts.capped else np.zeros(0)

    def _rows(self) -> tuple[Ints, Ints]:
        """Held rows and of each class the first in line, of flex also the most urgent; and how many stay behind."""
        attempts = self._attempts
        parts, beyond = [attempts.held], np.zeros(len(ServiceClass), dtype=np.int64)
        for kind, line in attempts.lines.items():
            if not len(line):
                continue
            shown = line
            if len(line) > self._most:
                shown = line[: self._most]
                if kind is ServiceClass.FLEX:
                    urgent = np.argpartition(_latest_start_s(attempts, line), self._most)[: self._most]
                    shown = np.union1d(shown, line[urgent])
                beyond[kind] = len(line) - len(shown)
            parts.append(shown)
        return (np.sort(np.concatenate(parts)) if len(parts) > 1 else parts[0]), beyond

    def _ids(self, rows: Ints) -> tuple[InstanceId, ...]:
        if not len(self._names):
            count = len(self._attempts.run_s)
            self._names, self._named = np.full(count, None), np.zeros(count, dtype=np.bool_)
        new = rows[~self._named[rows]]
        if len(new):
            self._named[new] = True
            for row in new.tolist():
                self._names[row] = InstanceId(f"i{row:08d}")
        return tuple(self._names[rows].tolist())


def _latest_start_s(attempts: Attempts, line: Ints) -> Floats:
    """By when each must begin: `queued_latest_start_s` of whole columns, whose run times are all known."""
    deadline = attempts.deadline_s[line]
    run_s = attempts.run_s[line] / attempts.speed_cap[line] if attempts.capped else attempts.run_s[line]
    return np.where(
        np.isfinite(deadline),
        deadline - STRETCH * run_s - MARGIN_S,
        attempts.submitted_s[line] + PATIENCE_S,
    )
