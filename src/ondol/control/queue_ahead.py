"""The queue before a new task, as a View shows it: slots that are free, work ahead of it, heat that work may have.

A light projection, no second scheduler: what starts now is told by slots and lines, and what waits by the work ahead of
it against what the sinks can use (`WorkAhead.heat_s`). How far that is from what comes is learned (`calibration`).
"""

from __future__ import annotations

import copy
import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from ondol.accounting.arrivals import HOUR_S, Arrivals
from ondol.control.lines_ahead import HOURS, LinesAhead, Waiting, look_ahead
from ondol.model.view import Bools, Floats, Phase, ServiceClass, View
from ondol.policy.urgency import MARGIN_S, PATIENCE_S, STRETCH, UNKNOWN_RUN_S, left_s

HORIZON_S = 172_800.0
LONGEST_S = 14 * 86_400.0  # nothing is projected further
CROWDED = 0.7
"""From this load on lines grow for hours, and what is said of them is less sure; found on the twin."""
_HELD = (Phase.PLACED, Phase.RUNNING, Phase.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a task asks of the queue.

    Parameters
    ----------
    kind : key of its kind, "" for none
    instances : how many, ≥ 1
    deadline_s : inf for none [s since the epoch]
    declared_s, limit_s : run time that its user expects, and after which an attempt is ended; None for unsaid [s]
    nodes : (nodes,) where it may run; None for everywhere
    speed_cap : share of full speed that it takes at most, above 0 to 1
    blocked : whether it waits for other tasks first
    """

    kind: str
    service: ServiceClass
    instances: int
    deadline_s: float = math.inf
    declared_s: float | None = None
    limit_s: float | None = None
    nodes: Bools | None = None
    speed_cap: float = 1.0
    blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Where a task will stand.

    Parameters
    ----------
    start_s : projected wait for its first slot [s]
    window_s : the longest that its class lets it wait; inf for harvest [s]
    scale_s : what its wait is compared with [s]
    state : "now" (a slot is there); on_demand also "soon" (not for all of it) and "full"; flex "calm" and "crowded";
        harvest "later" and "far" (the fluid serves it within its horizon, or not), each also "crowded"; "blocked"
        where other tasks have to end first
    waves : rounds in which its instances run, ≥ 1
    share_heated : share of its slots that will be where heat is used, 0 to 1
    """

    start_s: float
    window_s: float
    scale_s: float
    state: str
    waves: float
    share_heated: float


class QueueAhead:
    """A View seen from the end of its lines; what does not depend on the task is worked out once.

    Parameters
    ----------
    without : (instances,) rows that are left out, where the task itself is in the View already
    """

    def __init__(self, view: View, without: Bools | None = None) -> None:
        self.view = self.source = view
        nodes, units, rows = view.nodes, view.units, view.instances
        self.heated = units.heats[nodes.unit] & (units.sink[nodes.unit] >= 0)
        self.slots = np.where(nodes.accepts, nodes.slots, 0).astype(np.float64)
        left = left_s(view)
        holds = (rows.node >= 0) & np.isin(rows.phase, np.array(_HELD))
        filler = rows.service == ServiceClass.FILLER
        held = holds & ~filler
        by_filler = np.bincount(rows.node[holds & filler], minlength=len(nodes.ids))
        self.free = np.where(nodes.accepts, nodes.slots_free + by_filler, 0).astype(np.float64)
        self._ends_s = np.sort(left[held])
        self._held_heated = float(self.heated[rows.node[held]].sum())
        self._left_heated_s = float(left[held & (rows.node >= 0)][self.heated[rows.node[held]]].sum())
        queued = rows.phase == Phase.QUEUED
        if without is not None:
            queued &= ~without
        self._line_s, self._line = np.zeros(len(ServiceClass)), np.zeros(len(ServiceClass))
        for kind in ServiceClass:
            mine = queued & (rows.service == kind)
            mean_s = float(left[mine].mean()) if mine.any() else UNKNOWN_RUN_S
            self._line[kind] = mine.sum() + view.beyond[kind]
            self._line_s[kind] = left[mine].sum() + mean_s * view.beyond[kind]
        self._flex = queued & (rows.service == ServiceClass.FLEX)
        self._flex_left_s, self._flex_deadline_s = left[self._flex], rows.deadline_s[self._flex]
        self._flex_since_s = rows.submitted_s[self._flex]
        self._held_heated_s = left[held][self.heated[rows.node[held]]]
        self._heat_s, self._edges_s, self._rate_now = self._usable()
        self._lines: list[LinesAhead] = []  # shared with what `at` gives

    def at(self, now_s: float) -> QueueAhead:
        """The same picture some moments later: waits count from then [s since the epoch]."""
        if now_s <= self.view.now_s:
            return self
        later = copy.copy(self)
        later.view = dataclasses.replace(self.source, now_s=now_s)
        return later

    def of(self, asked: Asked, run_s: float, arrivals: Arrivals | None = None) -> Ahead:
        """Project where a task will stand.

        Parameters
        ----------
        run_s : of an instance at full speed or at its cap, above 0 [s]
        arrivals : work that came lately, and may come again; None for none
        """
        arrivals = Arrivals() if arrivals is None else arrivals
        if not self._lines:
            self._lines.append(self._look_ahead(arrivals))
        allowed = np.ones(len(self.slots), dtype=np.bool_) if asked.nodes is None else asked.nodes
        most = float(self.slots[allowed].sum())
        free = float(self.free[allowed].sum())
        if asked.service is ServiceClass.ON_DEMAND:
            stands = self._on_demand(asked, most, free, allowed)
        else:
            stands = self._bound(asked, run_s, most, free, allowed, crowded=self._load(arrivals) >= CROWDED)
        return dataclasses.replace(stands, state="blocked") if asked.blocked else stands

    def _on_demand(self, asked: Asked, most: float, free: float, allowed: Bools) -> Ahead:
        ahead = self._line[ServiceClass.ON_DEMAND]
        wait = self._until_free(ahead + 1.0 - free)
        waves = max(1.0, math.ceil(asked.instances / max(most, 1.0)))
        if free - ahead < asked.instances:
            waves += min(1.0, (asked.instances - max(free - ahead, 0.0)) / max(most, 1.0))
        heated = float(self.free[allowed & self.heated].sum())
        share = min(1.0, max(min(heated, self._room()), 0.0) / max(float(asked.instances), 1.0))
        state = "now" if free - ahead >= asked.instances else "soon" if free - ahead >= 1.0 else "full"
        return Ahead(start_s=wait, window_s=0.0, scale_s=wait, state=state, waves=waves, share_heated=share)

    def _bound(self, asked: Asked, run_s: float, most: float, free: float, allowed: Bools, *, crowded: bool) -> Ahead:
        window = math.inf
        if asked.service is ServiceClass.FLEX:
            window = PATIENCE_S
            if math.isfinite(asked.deadline_s):
                window = asked.deadline_s - self.view.now_s - STRETCH * run_s - MARGIN_S
            window = max(window, 0.0)
        line, line_s = self._before(asked)
        room = self._room()
        heated = float(self.free[allowed & self.heated].sum())
        if line < 1.0 and room >= 1.0 and heated >= 1.0:
            start, scale, state = 0.0, 0.0, "now"
        else:
            until_free = self._until_free(1.0 - free) if free < 1.0 else 0.0
            start, crowded = max(self._by_lines(asked, window), until_free), crowded or until_free > window
            if asked.service is ServiceClass.FLEX:  # whoever is not in time of a calm fleet is so by chance
                scale, state = (max(window, start), "crowded") if crowded else (window, "calm")
                start = start if crowded else min(start, window)
            else:
                far = start > HOURS * HOUR_S
                scale, state = LONGEST_S, ("crowded " if crowded else "") + ("far" if far else "later")
                if not far or not crowded:  # heat varies, and what comes does: the truth is between with and without
                    scale = math.sqrt(max(self._by_heat(line_s), 60.0) * max(min(start, LONGEST_S), 60.0))
                start = scale
        start, scale = min(start, LONGEST_S), min(scale, LONGEST_S)
        usable = max(1.0, min(max(room, self._rate_now), max(float(self.slots[allowed & self.heated].sum()), 1.0)))
        waves = 1.0 + max(0.0, asked.instances - usable) / usable
        if math.isfinite(window):  # as its deadline nears, its instances take whatever slots there are
            waves = min(waves, 1.0 + max(window - start, 0.0) / run_s)
        waves = max(waves, asked.instances / max(most, 1.0), 1.0)
        share = 1.0
        if math.isfinite(window) and start >= window:  # what cannot wait takes any slot
            share = min(1.0, heated / max(float(asked.instances), 1.0))
        return Ahead(start_s=start, window_s=window, scale_s=scale, state=state, waves=waves, share_heated=share)

    @property
    def room(self) -> float:
        """Slots of heat that is wanted now and that nobody's useful work gives."""
        return self._room()

    @property
    def free_slots(self) -> float:
        """Slots that are free, or that filler leaves at once."""
        return float(self.free.sum())

    @property
    def usable_slot_h(self) -> float:
        """Work whose heat the sinks can use over the horizon [slot-h]."""
        return float(self._heat_s[-1]) / 3600.0

    def before(self, service: ServiceClass) -> tuple[float, float]:
        """Instances in the lines that are served before the last of a class, and their work [s]."""
        upto = ServiceClass(service) + 1
        return float(self._line[:upto].sum()), float(self._line_s[:upto].sum())

    def _before(self, asked: Asked) -> tuple[float, float]:
        """Instances in the lines that are served before a task of this class, and their work [s]."""
        line, line_s = self._line[ServiceClass.ON_DEMAND], self._line_s[ServiceClass.ON_DEMAND]
        if asked.service is ServiceClass.FLEX:
            if math.isfinite(asked.deadline_s):
                before = self._flex_deadline_s <= asked.deadline_s
                return float(line + before.sum()), float(line_s + self._flex_left_s[before].sum())
            return float(line + self._line[ServiceClass.FLEX]), float(line_s + self._line_s[ServiceClass.FLEX])
        return self.before(asked.service)

    def _room(self) -> float:
        """Slots of heat that is wanted now and that nobody's useful work gives."""
        return self._rate_now - self._held_heated

    def _until_free(self, slots: float) -> float:
        """When so many more slots will be free [s from now]."""
        if slots <= 0.0:
            return 0.0
        if not len(self._ends_s):
            return 0.0
        rounds, rest = divmod(math.ceil(slots) - 1, len(self._ends_s))
        return float(self._ends_s[int(rest)] + rounds * self._ends_s.mean())

    def _by_heat(self, line_s: float) -> float:
        """When the sinks will have used the work ahead [s from now]."""
        before_s = self._left_heated_s + line_s
        total = self._heat_s[-1]
        if total <= 0.0:
            return LONGEST_S
        if before_s <= total:
            return float(np.interp(before_s, self._heat_s, self._edges_s))
        return float(self._edges_s[-1] * before_s / total)

    def _load(self, arrivals: Arrivals) -> float:
        """Work that goes before heat's: what a day brings, or waits already, over what a day of all slots can do."""
        slots, classes = max(float(self.slots.sum()), 1.0), (ServiceClass.ON_DEMAND, ServiceClass.FLEX)
        waits_s = float(self._line_s[list(classes)].sum() + self._ends_s.sum())
        brought = sum(arrivals.rate(self.view.now_s, kind) for kind in classes)
        return max(brought, waits_s / 86_400.0) / slots

    def _by_lines(self, asked: Asked, window_s: float) -> float:
        """When the lines let a task start [s from now]."""
        lines = self._lines[0]
        if asked.service is ServiceClass.FLEX:
            return lines.flex_start_s(window_s)
        return lines.harvest_start_s(float(self._line_s[ServiceClass.HARVEST]))

    def _look_ahead(self, arrivals: Arrivals) -> LinesAhead:
        """The lines of the next days."""
        now_s, beyond = self.view.now_s, int(self.view.beyond[ServiceClass.FLEX])
        flex_s, due_s = self._flex_left_s, self._flex_deadline_s - STRETCH * self._flex_left_s - MARGIN_S - now_s
        due_s = np.where(np.isfinite(due_s), due_s, self._flex_since_s + PATIENCE_S - now_s)
        if beyond and len(flex_s):  # a View shows those that came first and the most urgent; the others wait for long
            rest_s = np.sort(due_s)[len(due_s) // 2 :]
            flex_s = np.concatenate([flex_s, np.full(len(rest_s), beyond * float(flex_s.mean()) / len(rest_s))])
            due_s = np.concatenate([due_s, rest_s])
        ends_s = np.arange(1, HOURS + 1) * HOUR_S
        edges_s = np.concatenate([[0.0], np.minimum(ends_s, self._edges_s[-1])])
        used_s = np.interp(edges_s, self._edges_s, self._heat_s)
        heat_slots = np.diff(used_s) / HOUR_S
        last = ends_s > self._edges_s[-1]
        if last.any():  # beyond the forecasts their mean goes on
            heat_slots[last] = self._heat_s[-1] / max(float(self._edges_s[-1]), 1.0)
        waiting = Waiting(
            slots=float(self.slots.sum()),
            held_s=self._ends_s,
            held_heated_s=self._held_heated_s,
            heat_slots=heat_slots,
            on_demand_s=float(self._line_s[ServiceClass.ON_DEMAND]),
            flex_s=flex_s,
            due_h=np.maximum(due_s, 0.0) / HOUR_S,
        )
        return look_ahead(waiting, arrivals, now_s)

    def _usable(self) -> tuple[Floats, Floats, float]:
        """Slot-seconds whose heat the sinks will have used by the end of each span, its end, and slots of now.

        ``Σ_sinks slots·Δ·min(demand/(capture·P), 1)``, and at first what the stores have room for.
        """
        view, units, nodes = self.view, self.view.units, self.view.nodes
        slots_of = np.bincount(nodes.unit, weights=self.slots, minlength=len(units.ids))
        heats = units.heats & (units.sink >= 0)
        per_slot_w = units.power_max_w / np.maximum(np.bincount(nodes.unit, nodes.slots, len(units.ids)), 1.0)
        wanted = np.minimum(np.where(heats, units.wanted_w, 0.0) / np.maximum(per_slot_w, 1e-9), slots_of)
        now = float(wanted[heats].sum())
        sinks = view.sinks
        if not len(sinks.ids) or not len(view.ahead_s):
            edges = np.array([0.0, HORIZON_S])
            return edges * now, edges, now
        rows = units.sink[heats]
        power_w = np.bincount(rows, units.power_max_w[heats], len(sinks.ids))
        slots = np.bincount(rows, slots_of[heats], len(sinks.ids))
        heat_w = sinks.capture * power_w
        share = np.divide(sinks.demand_w.T, heat_w, out=np.zeros(sinks.demand_w.T.shape), where=heat_w > 0.0)
        rate = np.clip(share, 0.0, 1.0) @ slots
        lasts = np.nan_to_num(view.ahead_s)
        used = np.cumsum(rate * lasts)
        room_j = np.maximum(np.nan_to_num(sinks.capacity_j - sinks.store_j), 0.0)
        room_s = float((np.divide(room_j, heat_w, out=np.zeros(len(heat_w)), where=heat_w > 0.0) * slots).sum())
        edges = np.concatenate([[0.0], np.cumsum(lasts)])
        # Room in stores is used up over a day or so: more at once would need more slots than there are.
        used = used + np.minimum(room_s, edges[1:] * max(float(slots.sum()) - now, 0.0))
        first = max(now, float(rate[0]) if len(rate) else 0.0)
        return np.concatenate([[0.0], used]), edges, first


def energy_weights(ahead: QueueAhead, asked: Asked, share_heated: float) -> Floats:
    """How likely each node is to be taken, summing to 1: free heated ones for the share that is heated.

    Parameters
    ----------
    share_heated : of `Ahead`
    """
    allowed = np.ones(len(ahead.slots), dtype=np.bool_) if asked.nodes is None else asked.nodes
    weight = np.zeros(len(ahead.slots))
    for among, share in ((allowed & ahead.heated, share_heated), (allowed & ~ahead.heated, 1.0 - share_heated)):
        slots = np.where(among, ahead.slots, 0.0)
        if slots.sum() > 0.0:
            weight += share * slots / slots.sum()
    if weight.sum() <= 0.0:
        weight = np.where(allowed, np.maximum(ahead.view.nodes.slots, 1), 0).astype(np.float64)
    total = float(weight.sum())
    return weight / total if total > 0.0 else np.full(len(weight), 1.0 / max(len(weight), 1))
