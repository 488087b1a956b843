"""The ledger's open window: who held a slot in it, what its nodes drew and what its sinks got."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterable

import msgspec

from ondol.accounting.rows import shortened
from ondol.agent.orders import SiteOrders
from ondol.control.heat_book import HeatBook
from ondol.control.ledger_facts import LedgerFacts
from ondol.control.meter_book import SiteMeters
from ondol.control.metering import MeterBook
from ondol.control.sites import Sites
from ondol.control.works import Works
from ondol.drivers.power.curve import NodeEnergy
from ondol.model.compute import Attempt, Task
from ondol.model.ids import AttemptId, NodeId
from ondol.model.ledger import LedgerRow
from ondol.storage.ports import Changes

WINDOW_S = 60.0  # length of a window [s, platform]
_ENCODER = msgspec.json.Encoder(order="deterministic")


class Window:
    """Gathers one window after the other; each is written in the same transaction as the changes of its moment.

    Parameters
    ----------
    meters : the sites' own meters, whose rows go with the windows; None for none
    """

    def __init__(
        self, works: Works, sites: Sites, meter: MeterBook, heat: HeatBook, meters: SiteMeters | None = None
    ) -> None:
        self._works, self._sites, self._meter, self._heat = works, sites, meter, heat
        self._site_meters = meters
        self.facts = LedgerFacts(meter.fleet, meter.clock_rate)
        works.observers.append(self.facts.observe)
        self._held: dict[AttemptId, tuple[Task, Attempt]] = {
            attempt.id: (work.task, attempt) for work, _, attempt in works.under_way()
        }

    @property
    def due(self) -> bool:
        """Whether the window has its length."""
        return self._meter.window_s >= WINDOW_S

    def meter(
        self,
        now_s: float,
        cpu_s: dict[AttemptId, float],
        node_of: dict[AttemptId, NodeId],
        memory_bytes: dict[AttemptId, int] | None = None,
    ) -> tuple[float, dict[NodeId, NodeEnergy]]:
        """Meter every node since the last time: the span [s, platform], and what each node drew in it."""
        before_s = self._meter.window_s
        drawn = self._meter.sample(now_s, cpu_s, node_of, memory_bytes)
        return self._meter.window_s - before_s, drawn

    def add_heat(self, span_s: float, orders: Iterable[SiteOrders], energy_j: dict[NodeId, float]) -> None:
        """Add what was asked for, felt and delivered over a span."""
        self._heat.sample(span_s, orders, energy_j, self._sites.units.values())

    def hold(self, changes: Changes) -> None:
        """Remember who held a slot; to be told of all changes, before closed works leave memory."""
        for attempt in changes.attempts:
            work = self._works.get(attempt.task_id)
            if work is not None:
                self._held[attempt.id] = (work.task, attempt)
        # Attempts of deleted tasks are not among the changes: their end is in the work, which leaves memory after this.
        for key, (task, _) in list(self._held.items()):
            work = self._works.get(task.id) if task.id in changes.deleted_tasks else None
            last = None if work is None else work.attempt(key)
            if work is not None and last is not None:
                self._held[key] = (work.task, last)

    def close(self, changes: Changes, known: Container[AttemptId]) -> Changes:
        """End the window at the last metering: the changes with its ledger rows, and the counters that go with them.

        Parameters
        ----------
        known : attempts that the engine reports
        """
        energy, counters = self._meter.close(self._held.values())
        if not energy:
            return changes
        heat, heat_counters = self._heat.close(energy[0].start, energy[0].end, self._sites.units.values())
        if self._site_meters is not None:
            changes = self._site_meters.book(changes, energy[0].end)
        self._meter.settle(known)
        self._heat.settle(heat, heat_counters)
        self._held = {key: held for key, held in self._held.items() if not held[1].state.final}
        documents = {"meter": _ENCODER.encode(counters), "heat": _ENCODER.encode(heat_counters)}
        pieces: list[LedgerRow] = [piece for row in energy for piece in shortened(row)]
        pieces += [piece for row in heat for piece in shortened(row)]
        return dataclasses.replace(changes, ledger=tuple(pieces), documents={**changes.documents, **documents})

    def counted_s(self, attempt_id: AttemptId) -> float:
        """CPU seconds of an attempt that were counted so far."""
        return self._meter.counted_s(attempt_id)
