"""Says with each submission what becomes of it: when it starts, what heat has to do with it, how large the fleet is."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ondol.control.clock import utc
from ondol.control.heat_signal import HeatSignals
from ondol.control.season import Season
from ondol.model.admission import AdmissionNote, Capacity
from ondol.model.compute import Task
from ondol.model.errors import NotFoundError, UnavailableError
from ondol.model.estimate import Estimate
from ondol.model.filler import FillerTerms
from ondol.model.heat_signal import AreaSignal, HeatState
from ondol.model.view import ServiceClass
from ondol.policy.urgency import queued_latest_start_s

_log = logging.getLogger(__name__)
_MOST_ESTIMATES = 20  # of one submission: a list of 10,000 tasks is not estimated one by one
FOLLOWS_HEAT = ("follow", "greedy")
OTHER_POLICIES = {
    "fcfs": "work starts in the order in which it came, whatever heat is wanted",
    "greco": "work starts in the order in which it came, where the thermostat asks for most",
    "greco-locality": "work starts in the order in which it came, where the thermostat asks for most or its inputs lie",
    "thermostat-filler": "work starts in the order in which it came wherever a thermostat asks for heat",
    "wait-awhile": "work that can wait waits for cleaner electricity, whatever heat is wanted",
}
"""What policies do that do not wait for heat, for people; another policy is only named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Now:
    """What is known at one moment; `wanted_at` None for not within two days, `seen` whether anything was decided."""

    at: dt.datetime
    heat: str
    wanted_at: dt.datetime | None
    capacity: Capacity
    ahead: tuple[int, ...]
    seen: bool = True

    @property
    def dark(self) -> bool:
        """Whether no server takes work: all are lost, off or drained."""
        return self.seen and self.capacity.slots == 0


_DARK = "No server takes work now: it waits until one does."
_NO_FILLER = "The operator takes no fillers here: it runs as harvest, on your account."


class AdmissionNotes:
    """Writes notes; never in the way of a submission: what cannot be known is left out.

    Parameters
    ----------
    estimate : of a task as if it were submitted now
    policy : its name
    """

    def __init__(
        self,
        signals: HeatSignals,
        season: Season,
        *,
        now: Callable[[], dt.datetime],
        policy: str,
        filler: FillerTerms,
        estimate: Callable[[Task], Estimate] | None = None,
    ) -> None:
        self._signals, self._season, self._now = signals, season, now
        self._policy, self._filler, self._estimate = policy, filler, estimate

    def noted(self, tasks: Iterable[Task]) -> tuple[Task, ...]:
        """Give tasks with the note of what was said of each; alike ones of one submission get the same one."""
        tasks = tuple(tasks)
        try:
            known = self.now()
            notes: dict[object, AdmissionNote] = {}
            found = []
            for task in tasks:
                key = (
                    task.service,
                    _meant_as_filler(task),
                    task.deadline,
                    task.expected_s,
                    task.speed_cap,
                    len(task.instance_numbers),
                    task.pool_id,
                )
                if key not in notes:
                    notes[key] = self._note(task, known, estimated=len(notes) < _MOST_ESTIMATES)
                found.append(dataclasses.replace(task, admission=notes[key]))
            return tuple(found)
        except Exception:  # noqa: BLE001  # work is taken in all the same, whatever is wrong with what is said of it
            _log.exception("nothing can be said of new tasks")
            return tasks

    def classes(self) -> list[AdmissionNote]:
        """What a task of each class would be told now; of flex without a deadline."""
        known = self.now()
        return [self._said(service, known, None, None, 1, None) for service in ServiceClass]

    def now(self) -> _Now:
        """What is known now."""
        at = self._now()
        worst = self._season.worst(at)
        try:
            issue, slots = self._signals.issue(), self._signals.slots()
            fleet = self._signals.whole()
        except (UnavailableError, NotFoundError):
            capacity = Capacity(slots=0, free_slots=0)
            return _Now(at=at, heat="", wanted_at=None, capacity=capacity, ahead=(0, 0, 0, 0), seen=False)
        capacity = Capacity(
            slots=slots.total,
            free_slots=slots.free,
            heat_slots=None if fleet is None else min(issue.heat_slots, slots.total),
            worst_week=None if worst is None else worst.start,
            worst_week_heat_slots=None if worst is None else math.floor(worst.heat_slots + 0.5),
            rack_slots=self._season.rack_slots,
        )
        return _Now(
            at=at,
            heat="" if fleet is None else fleet.now.state.value,
            wanted_at=None if fleet is None else _wanted_at(fleet),
            capacity=capacity,
            ahead=slots.waiting,
        )

    def _note(self, task: Task, known: _Now, *, estimated: bool) -> AdmissionNote:
        estimate = None
        if estimated and self._estimate is not None:
            try:
                estimate = self._estimate(task)
            except Exception:  # noqa: BLE001  # as in `noted`: a start that nobody can foretell is left out
                _log.debug("no estimate of %s", task.id, exc_info=True)
        if task.pool_id:
            text = f"It runs in the slots of pool {task.pool_id}, as soon as one of them is free."
            if known.dark:
                text, estimate = f"{_DARK} {text}", None
            return self._with(known, task.service, "in_pool", text, estimate, None)
        latest = None
        if task.service is ServiceClass.FLEX:
            deadline_s = math.inf if task.deadline is None else task.deadline.timestamp()
            expected_s = math.nan if task.expected_s is None else task.expected_s
            latest = utc(queued_latest_start_s(deadline_s, known.at.timestamp(), expected_s, task.speed_cap))
        note = self._said(task.service, known, task.deadline, latest, len(task.instance_numbers), estimate)
        return dataclasses.replace(note, text=f"{_NO_FILLER} {note.text}") if _meant_as_filler(task) else note

    def _said(
        self,
        service: ServiceClass,
        known: _Now,
        deadline: dt.datetime | None,
        latest: dt.datetime | None,
        instances: int,
        estimate: Estimate | None,
    ) -> AdmissionNote:
        if self._policy not in FOLLOWS_HEAT:
            does = OTHER_POLICIES.get(self._policy, "it alone decides what starts when")
            verdict, text = "by_policy", f"The policy is {self._policy}: {does}."
        elif service is ServiceClass.ON_DEMAND:
            verdict, text = _on_demand(known, instances)
        elif service is ServiceClass.FLEX:
            verdict, text = _flex(known, deadline, latest)
        elif service is ServiceClass.HARVEST:
            verdict, text = _harvest(known)
        else:
            verdict, text = _filler(known, self._filler)
        if known.dark:
            # No class, plan or estimate says anything of a fleet without servers.
            late = verdict == "too_late"
            verdict, text = (verdict if late else "waits_for_server"), f"{_DARK} {text if late else ''}".rstrip()
            estimate = None
        elif instances > known.capacity.slots > 0:
            text += f" Of its {instances} instances {known.capacity.slots} at most run at once."
        return self._with(known, service, verdict, text, estimate, latest)

    def _with(
        self,
        known: _Now,
        service: ServiceClass,
        verdict: str,
        text: str,
        estimate: Estimate | None,
        latest: dt.datetime | None,
    ) -> AdmissionNote:
        parts = [text]
        if estimate is not None and estimate.not_before is not None:
            parts.append(f"Nobody can say when: nine of ten like it start after {_clock(estimate.not_before)}.")
            estimate = None
        elif estimate is not None:
            by = _clock(estimate.start_p90)
            parts.append(f"Expected start {_clock(estimate.start_p50)}, nine times in ten by {by}.")
        parts.append(_size(known.capacity))
        return AdmissionNote(
            said_at=known.at,
            service=service.name.lower(),
            verdict=verdict,
            heat=known.heat,
            text=" ".join(filter(None, parts)),
            capacity=known.capacity,
            start_p50=None if estimate is None else estimate.start_p50,
            start_p90=None if estimate is None else estimate.start_p90,
            latest_start=latest,
            heat_wanted_at=known.wanted_at,
        )


def _meant_as_filler(task: Task) -> bool:
    """Whether a task that runs as harvest was asked for as filler."""
    return task.service is ServiceClass.HARVEST and task.labels.get("ondol.service") == "filler"


def _taken(known: _Now) -> bool:
    """Whether all slots are taken."""
    return known.capacity.slots > 0 and known.capacity.free_slots == 0


def _on_demand(known: _Now, instances: int) -> tuple[str, str]:
    before = known.ahead[ServiceClass.ON_DEMAND]
    fits = known.capacity.free_slots >= instances + before
    some = max(known.capacity.free_slots - before, 0)
    start = "It starts as soon as slots are free: filler makes room, then harvest that goes on from a checkpoint."
    if fits:
        start = "It starts now."
    elif some:
        start = f"{some} of its instances start{'s' if some == 1 else ''} now. For the others: {start}"
    heat = {
        HeatState.WANTED.value: "Heat is wanted.",
        HeatState.NEUTRAL.value: "No heat is missing: what it gives is stored, or lost.",
        HeatState.WASTED.value: "Heat is wasted already: what it gives is lost, or it goes to an overflow rack.",
    }.get(known.heat, "")
    return ("starts_now" if fits else "waits_for_slot"), f"{start} {heat}".strip()


def _flex(known: _Now, deadline: dt.datetime | None, latest: dt.datetime | None) -> tuple[str, str]:
    bound = "within 15 min" if latest is None else f"by {_clock(latest)}"
    if latest is not None and latest <= known.at:
        if deadline is not None and deadline <= known.at:
            return "too_late", "Its deadline has passed: it starts as soon as a slot is free."
        return "waits_for_slot", f"It can no longer wait for heat{_for(deadline)}: it starts as soon as a slot is free."
    if known.heat == HeatState.WANTED.value and known.capacity.free_slots > 0:
        return "starts_now", f"Heat is wanted: it starts as soon as the plan has a slot for it, {bound} at the latest."
    if known.heat == HeatState.WANTED.value and _taken(known):
        text = f"Heat is wanted and all slots are taken: it starts as soon as one is free for it{_for(deadline)}"
        return "waits_for_slot", f"{text}; {bound} at the latest it counts as work that cannot wait."
    text = f"It waits for heat{_when(known)}, and starts {bound} at the latest{_for(deadline)}"
    return "waits_for_heat", f"{text}, wherever a slot is free, whether its heat is wanted or not."


def _harvest(known: _Now) -> tuple[str, str]:
    rest = "It gives way to on_demand and flex, and stops or is slowed down when no heat is wanted."
    if known.heat == HeatState.WANTED.value and _taken(known):
        return "waits_for_slot", f"Heat is wanted and all slots are taken: it starts as soon as one is free. {rest}"
    if known.heat == HeatState.WANTED.value:
        return "starts_now", f"Heat is wanted: it starts as the plan has slots for it. {rest}"
    return "waits_for_heat", f"It waits for heat{_when(known)}, as long as that takes. {rest}"


def _filler(known: _Now, terms: FillerTerms) -> tuple[str, str]:
    kept = {
        "none": " The operator takes no fillers here: what asks for it runs as harvest.",
        "tasks": f" Only {terms.account}'s tasks are taken as filler.",
        "boinc": f" The operator's own filler is BOINC for {terms.project_url}.",
        "burn": f" The operator's own filler burns cycles for heat, asked for by {terms.burn_asked_by}.",
    }[terms.source]
    rest = f"Its energy is charged to the heat; it makes room for all others and ends when no heat is wanted.{kept}"
    if known.heat == HeatState.WANTED.value and _taken(known):
        return "waits_for_slot", f"Heat is wanted and all slots are taken: it waits until one is free. {rest}"
    if known.heat == HeatState.WANTED.value:
        return "starts_now", f"It starts where heat is wanted and nobody's work gives it. {rest}"
    return "waits_for_heat", f"It waits for heat that nobody's work gives{_when(known)}. {rest}"


def _when(known: _Now) -> str:
    if known.heat in ("", HeatState.WANTED.value):
        return ""
    if known.wanted_at is None:
        return ", which is not expected to be wanted within two days"
    return f", wanted next about {_clock(known.wanted_at)}"


def _for(deadline: dt.datetime | None) -> str:
    return "" if deadline is None else f" for its deadline of {_clock(deadline)}"


def _size(capacity: Capacity) -> str:
    if not capacity.slots:
        return ""
    said = f"{capacity.free_slots} of {capacity.slots} slots are free"
    if capacity.heat_slots is not None:
        said += f"; heat carries {capacity.heat_slots} now"
    if capacity.worst_week is not None:
        said += f" and {capacity.worst_week_heat_slots} in the week of {capacity.worst_week:%d %B}, the worst ahead"
    if capacity.rack_slots:
        said += f"; {capacity.rack_slots} are in racks, whose heat reaches nobody"
    return f"{said}."


def _wanted_at(signal: AreaSignal) -> dt.datetime | None:
    return next((one.start for one in signal.steps if one.state is HeatState.WANTED), None)


def _clock(when: dt.datetime) -> str:
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
