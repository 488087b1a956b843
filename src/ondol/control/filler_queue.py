"""Keeps fillers of the operator's choice waiting while heat is wanted that no work gives; ends them with the heat."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable

from ondol.control.filler_tasks import LABEL, filler_task
from ondol.control.signal_issue import Issue
from ondol.control.works import Works
from ondol.lifecycle.events import CancelAsked
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import InstanceState, Task, TaskState
from ondol.model.errors import OndolError
from ondol.model.filler import FillerTerms
from ondol.model.ids import AccountId, TaskId
from ondol.policy.heat_balance import CENTRAL

_log = logging.getLogger(__name__)
TURN_S = 60.0  # the queue is looked at so often [s, platform]
REST_S, LONGEST_REST_S = 120.0, 3600.0
"""Fillers that failed are not followed by others for so long, twice as long after each failure [s, platform]: where
the client or its secret is missing, a slot a minute would fail for months."""
_MOST_DOUBLED = 16  # doublings, far beyond the longest rest: of 1,024 failures the power is no number any more
UNWANTED_S = 900.0  # heat that is not wanted for so long ends what waits and what runs [s, platform]


class FillerQueue:
    """The queue of one platform; called from the loop's thread.

    It keeps as many fillers waiting or at work as heat is wanted: ``⌈wanted now / heat of a slot⌉``, the heat signal's
    central figure, which counts what fillers give as wanted still. The policy places them, after all other work, on the
    power that its plan has for heat alone, and stops them for anybody else.

    Parameters
    ----------
    issue : the heat signal's present making
    submit : takes a task in
    slot_heat_w : heat of a slot at full load [W]
    """

    def __init__(
        self,
        terms: FillerTerms,
        works: Works,
        *,
        issue: Callable[[], Issue],
        submit: Callable[[Task], None],
        account_id: Callable[[], AccountId | None],
        now: Callable[[], dt.datetime],
        stir: Callable[[], None],
        slots: int,
        slot_heat_w: float,
    ) -> None:
        self._terms, self._works, self._issue, self._submit = terms, works, issue, submit
        self._account_id, self._now, self._stir = account_id, now, stir
        self._most = terms.most_instances or slots
        self._slot_heat_w = max(slot_heat_w, 1.0)
        self._looked_s = float("-inf")
        self._wanted_s: float | None = None
        self._coming: set[TaskId] = set()
        self._told = ""
        self._failures, self._rest_until_s = 0, float("-inf")
        works.observers.append(self.observe)

    def own(self, task: Task) -> bool:
        """Whether a task that is being submitted is one of this queue."""
        return task.id in self._coming

    def turn(self) -> None:
        """Look after the queue where it is time; never raises: heat and work go on without fillers."""
        now = self._now()
        now_s = now.timestamp()
        if not self._terms.keeps_queue or 0.0 <= now_s - self._looked_s < TURN_S:
            return
        self._looked_s = now_s
        try:
            self._look_after(now)
        except OndolError as error:
            if self._told != str(error):
                self._told = str(error)
                _log.warning("no fillers now: %s", error)
        except Exception:  # noqa: BLE001  # as said: whatever is wrong with fillers
            _log.exception("the filler queue could not be looked after")

    def observe(self, before: Work | None, after: Work, _change: Change) -> None:
        """Take in what came of a filler: after a failure the next ones wait."""
        task = after.task
        if before is None or before.task.state.final or task.labels.get(LABEL) != self._terms.source:
            return
        if task.state is TaskState.SUCCESS:
            self._failures = 0
        elif task.state is TaskState.FAILURE:
            rest_s = min(REST_S * 2.0 ** min(self._failures, _MOST_DOUBLED), LONGEST_REST_S)
            self._failures += 1
            self._rest_until_s = self._now().timestamp() + rest_s
            _log.warning("fillers failed (task %s); no others for %.0f min", task.id, rest_s / 60.0)

    def wanted(self) -> int:
        """How many fillers heat is wanted for now."""
        wanted_w = float(self._issue().balance.wanted_w[CENTRAL, :, 0].sum())
        return min(math.ceil(wanted_w / self._slot_heat_w - 0.5), self._most)

    def _look_after(self, now: dt.datetime) -> None:
        wanted, open_ids, count = self.wanted(), *self._open()
        if wanted > 0 or self._wanted_s is None:
            self._wanted_s = now.timestamp()
        if wanted > count and now.timestamp() >= self._rest_until_s:
            self._add(wanted - count, now)
        elif wanted == 0 and open_ids and now.timestamp() - self._wanted_s >= UNWANTED_S:
            with self._works.lock:
                for task_id in open_ids:
                    self._works.ask(task_id, CancelAsked(at=now, task_id=task_id))
            _log.info("%d fillers end: heat is wanted no more", count)
            self._stir()

    def _add(self, instances: int, now: dt.datetime) -> None:
        account_id = self._account_id()
        if account_id is None:
            if self._told != "account":
                self._told = "account"
                _log.info("no fillers yet: there is no account %s", self._terms.account or "of the operator")
            return
        task = filler_task(self._terms, account_id, instances, now)
        self._coming.add(task.id)
        try:
            self._submit(task)
        finally:
            self._coming.discard(task.id)

    def _open(self) -> tuple[list[TaskId], int]:
        """Own tasks that are open, and their instances."""
        ids, count = [], 0
        with self._works.lock:
            for work in self._works:
                if work.task.labels.get(LABEL) == self._terms.source and not work.task.cancel_wanted:
                    waiting = [one for one in work.instances.values() if not one.state.final]
                    if waiting:
                        ids.append(work.task.id)
                        count += sum(one.state in (InstanceState.QUEUED, InstanceState.ACTIVE) for one in waiting)
        return sorted(ids), count
