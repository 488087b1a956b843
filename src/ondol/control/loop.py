"""The loop: looks, meters, decides and writes down, tick by tick.

A tick may come at any time. Attempts and transfers are looked at on every tick; power, heat and temperatures on every
sample (a wall second or so, since CPU counters need some time to say anything); the policy decides when something
happened, or after `PLACE_S` of platform time.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import math
import threading
from collections import deque
from collections.abc import Callable

from ondol.agent.orders import NodeStatus
from ondol.control.caps import apply_caps
from ondol.control.clock import utc
from ondol.control.groups import Groups
from ondol.control.hands import Hands
from ondol.control.node_book import NodeBook
from ondol.control.placing import Placing
from ondol.control.request_book import RequestBook
from ondol.control.sites import Sites
from ondol.control.watch import Watch
from ondol.control.window import Window
from ondol.control.works import Works
from ondol.control.world import World
from ondol.engine.ports import Engine
from ondol.lifecycle.instructions import Instruction, ReleaseAttempt
from ondol.model.compute import Attempt, AttemptState
from ondol.model.errors import OndolError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, NodeId
from ondol.model.ledger import LedgerRow
from ondol.model.view import ServiceClass, View
from ondol.storage.ports import Changes, Store

_log = logging.getLogger(__name__)
PLACE_S = 30.0  # the policy is asked at least this often [s, platform]
REMIND_S = 60.0  # works are told this often that time passes: what bore no fruit is asked for again [s, platform]


class Loop:
    """One platform's loop over its parts. Everything here happens under `works.lock`.

    Parameters
    ----------
    now_s : platform time [s since the epoch]
    sample_s : least platform time between samples [s]
    groups : jobs, compute pools and dependencies; None for those of the store
    requests : what becomes of heat requests; None for those of the fleet alone
    documents : small states of other parts that are written with every ledger window, by key
    at : platform time at a moment of the engine's clock, see `Watch`
    charge : books what ended attempts cost into the changes that hold their ends
    book_use : books what ledger rows charge to budgets into the changes that hold them
    hold : stops and lets go what budgets say; whether anything changed
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        store: Store,
        works: Works,
        engine: Engine,
        hands: Hands,
        sites: Sites,
        world: World,
        window: Window,
        placing: Placing,
        now_s: Callable[[], float],
        sample_s: float,
        nodes: NodeBook | None = None,
        groups: Groups | None = None,
        requests: RequestBook | None = None,
        documents: Callable[[], dict[str, bytes]] = dict,
        charge: Callable[[Changes], Changes] = lambda changes: changes,
        book_use: Callable[[Changes], Changes] = lambda changes: changes,
        hold: Callable[[dt.datetime], bool] = lambda _at: False,
        at: Callable[[float], dt.datetime] | None = None,
    ) -> None:
        self._fleet, self._store, self._works, self._engine = fleet, store, works, engine
        self._hands, self._sites, self._world, self._window = hands, sites, world, window
        self._now_s, self._sample_s, self._documents, self._charge = now_s, sample_s, documents, charge
        self._book_use, self._hold = book_use, hold
        self._servers = {node.id: node for node in fleet.nodes}
        self._outbox: deque[tuple[Changes, tuple[Instruction, ...]]] = deque()
        self._caps: dict[AttemptId, float] = {}
        self._sampled_s = self._decided_s = self._reminded_s = float("-inf")
        self._dirty = True
        self._without_store: set[str] = set()
        self._unpacked: set[str] = set()
        self._fault: Exception | None = None
        self.watch = Watch(store, works, engine, hands, window.counted_s, at)
        window.facts.end_of = self.watch.end_of
        self.placing = placing
        self.nodes = nodes or NodeBook(fleet)
        self.groups = groups or Groups(store, works)
        self.requests = requests or RequestBook(fleet, utc(now_s()))
        self.power_w: dict[NodeId, float] = {}
        self.view: View | None = None  # the last that was decided on
        self.booked: list[Callable[[tuple[LedgerRow, ...]], None]] = []  # are told the rows of every closed window
        self.wake = threading.Event()

    def stir(self) -> None:
        """Something changed from outside: the next tick comes at once and decides."""
        self._dirty = True
        self.wake.set()

    def begin(self) -> None:
        """Take up what an earlier life left: adopt what still runs, then do again what may not have been done."""
        with self._works.lock:
            now_s = self._now_s()
            seen = self.watch.look(utc(now_s))
            # What shares an earlier life told is not known any more: all are told anew.
            self._caps |= {one.id: math.inf for busy in self.watch.running().values() for one in busy}
            # What ended meanwhile is metered before it is let go: its counter goes with it.
            self._sample(now_s)
            self.flush(close_window=seen.ended)
            for instruction in self._works.pending():
                self._carry_out(instruction)

    def tick(self, *, close_window: bool = False) -> None:
        """One turn of the loop; `close_window` ends the ledger's window even where it is short."""
        with self._works.lock:
            now_s = self._now_s()
            seen = self.watch.look(utc(now_s))
            self._dirty |= seen.news
            self._tried("looking after jobs and pools", lambda: self._look_after(now_s))
            if now_s - self._sampled_s >= self._sample_s or seen.ended or close_window:
                self._sample(now_s)
            if self._sites.orders and (self._dirty or now_s - self._decided_s >= PLACE_S):
                self._tried("placing", lambda: self._decide(now_s))
            close_window |= seen.ended or self._window.due
            self._tried("writing", lambda: self.flush(close_window=close_window))
            fault, self._fault = self._fault, None
            if fault is not None:
                raise fault

    def flush(self, *, close_window: bool = False) -> None:
        """Write all that changed, then do what follows from it.

        Raises UnavailableError where nothing can be written; what was to be written is kept for the next time.
        """
        self.groups.settle(utc(self._now_s()))
        changes, instructions = self._works.take_changes()
        changes = self.groups.add_changes(changes)
        self._window.hold(changes)
        changes = self._window.facts.book(changes)
        changes = self._charged(changes)
        if close_window:
            changes = self._closed(changes)
        changes = self._booked(changes)
        if changes or instructions:
            self._outbox.append((changes, instructions))
            self._dirty |= bool(changes.tasks or changes.instances or changes.attempts)
        while self._outbox:
            changes, instructions = self._outbox[0]
            self._store.commit(changes)
            self._outbox.popleft()
            for instruction in instructions:
                self._carry_out(instruction)
            self._works.drop_closed(instructions, all_written=not self._outbox)
            self.groups.drop_closed(changes)

    def speed(self, attempt: Attempt) -> float:
        """Share of its slot's full speed that an attempt is let have by its site and its task's own cap, 0 to 1."""
        node = self._servers[attempt.node_id]
        full = node.host_cores / node.slots / self.groups.pools.sharers(attempt)
        return min(1.0, self._caps.get(attempt.id, full * self._speed_cap(attempt)) / full)

    def _speed_cap(self, attempt: Attempt) -> float:
        work = self._works.get(attempt.task_id)
        return 1.0 if work is None else work.task.speed_cap

    def node_status(self) -> list[NodeStatus]:
        """What is known of every node, by id."""
        service: dict[NodeId, ServiceClass] = {}
        busy: dict[NodeId, set[AttemptId]] = {}
        for work, _, attempt in self._works.under_way():
            if attempt.state is AttemptState.RUNNING and not self.watch.is_held(attempt.id):
                busy.setdefault(attempt.node_id, set()).add(attempt.held_by or attempt.id)
                service[attempt.node_id] = min(service.get(attempt.node_id, ServiceClass.FILLER), work.task.service)
        return [
            NodeStatus(
                node_id=node.id,
                power_w=self.power_w.get(node.id, node.curve.idle_w),
                busy_slots=len(busy.get(node.id, ())),
                service=service.get(node.id),
                healthy=self.nodes.works(node.id),
            )
            for node in self._fleet.nodes
        ]

    def _look_after(self, now_s: float) -> None:
        if self.groups.tick(utc(now_s), self.watch.reports, self.nodes.accepts):
            self.wake.set()
        if self._hold(utc(now_s)):
            self._dirty = True
            self.wake.set()
        if now_s - self._reminded_s >= REMIND_S:
            self._works.remind(utc(now_s))
            self._reminded_s = now_s

    def _tried(self, what: str, do: Callable[[], None]) -> None:
        """Do a part of a tick; where storage does not answer, the next tick tries again, and the log says so once.

        Any other fault is raised at the end of the tick: whatever is wrong with work, heat goes on.
        """
        try:
            do()
        except UnavailableError as error:
            if what not in self._without_store:
                _log.error("%s has to wait for storage, trying again: %s", what, error)
            self._without_store.add(what)
        except Exception as error:  # noqa: BLE001  # raised at the end of the tick
            self._fault = self._fault or error
        else:
            self._without_store.discard(what)

    def _sample(self, now_s: float) -> None:
        watch = self.watch
        span_s, drawn = self._window.meter(now_s, watch.cpu_s(), watch.node_of(), watch.memory_bytes())
        if not drawn:
            return
        self.power_w = {node_id: energy.power_w for node_id, energy in drawn.items()}
        # The very joules of the ledger's node rows: a product of power and span would differ in the last digits.
        energy_j = {node_id: energy.energy_j for node_id, energy in drawn.items()}
        try:
            orders = self._sites.step(utc(now_s), energy_j, self.node_status(), self.placing.floors)
        except OndolError:
            # The energy was metered and must be booked; the sites go on with what they were told last.
            _log.exception("the sites could not take a step")
            orders = self._sites.orders
        self.requests.sample(utc(now_s), orders)
        # Of a silent site nothing is known: what it asked for and felt meanwhile is not made up, its meters tell later.
        self._window.add_heat(span_s, self._sites.heard, energy_j)
        self._world.note(now_s, orders)
        apply_caps(
            self._engine,
            self._servers,
            orders,
            self.watch.running(),
            self._caps,
            sharers=self.groups.pools.sharers,
            speed_cap=self._speed_cap,
        )
        self._sampled_s = now_s

    def _decide(self, now_s: float) -> None:
        view = self._world.view(now_s, self._sites.orders, self._works, self.watch.cpu_s(), self.nodes.accepts)
        self.placing.decide(view, self._world.withheld)
        self.view, self._decided_s = view, now_s
        self._dirty = False

    def _charged(self, changes: Changes) -> Changes:
        """With what ended attempts cost; where that fails, what was taken is written all the same."""
        try:
            return self._charge(changes)
        except Exception:  # noqa: BLE001  # what happened must be written, whatever it costs
            _log.exception("charges cannot be written now")
            return changes

    def _booked(self, changes: Changes) -> Changes:
        """With what budgets are charged; where that fails, what was taken is written all the same."""
        try:
            return self._book_use(changes)
        except Exception:  # noqa: BLE001  # as above
            _log.exception("use cannot be charged to budgets now")
            return changes

    def _closed(self, changes: Changes) -> Changes:
        """Close the ledger's window; where that fails, the changes are written without it and it stays open."""
        try:
            closed = self._window.close(changes, self.watch.reports)
        except Exception:  # noqa: BLE001  # as above
            _log.exception("the ledger's window could not be closed, trying again")
            return changes
        if closed is changes:
            return changes
        for told in self.booked:
            try:
                told(closed.ledger)
            except Exception:  # noqa: BLE001  # as above
                _log.exception("what was booked could not be told")
        # The window is settled: its rows must be written now, whichever part cannot be packed.
        documents = dict(closed.documents)
        parts = {
            "the policy's memory": self.placing.documents,
            "what forecasts are learned from": lambda: self._world.documents(self._now_s()),
            "the state of plant and sites": self._documents,
        }
        for what, pack in parts.items():
            try:
                documents.update(pack())
            except Exception:  # noqa: BLE001  # as above; what was written of it before stays
                if what not in self._unpacked:
                    _log.exception("%s could not be packed, trying again with every window", what)
                self._unpacked.add(what)
            else:
                self._unpacked.discard(what)
        return dataclasses.replace(closed, documents=documents)

    def _carry_out(self, instruction: Instruction) -> None:
        self._hands.do(instruction)
        if isinstance(instruction, ReleaseAttempt):
            self.watch.forget(instruction.attempt_id)
            self._caps.pop(instruction.attempt_id, None)
