"""What a platform offers with its heat: the signal, what it says of work, and the queue that fills the rest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ondol.accounting.basis import Basis
from ondol.control.admission_notes import AdmissionNotes
from ondol.control.clock import PlatformClock
from ondol.control.directory import OPERATOR
from ondol.control.filler_queue import FillerQueue
from ondol.control.filler_rights import FillerRights
from ondol.control.heat_side import HeatSide
from ondol.control.heat_signal import KEY, RECORD_KEY, HeatSignals
from ondol.control.season import Season
from ondol.control.signal_broker import signal_broker
from ondol.control.surroundings import PackagedSurroundings
from ondol.control.works import Works
from ondol.model.compute import Task
from ondol.model.estimate import Estimate
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId
from ondol.model.site import UnitKind
from ondol.model.view import View
from ondol.storage.ports import Changes, Store


class HeatOffers:
    """Signal, admission notes and fillers of one platform; `broker` is None where the fleet file names none.

    Parameters
    ----------
    view : what the loop decided on last
    submit : takes in a task of the filler queue
    stir : lets the loop look at once
    """

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        works: Works,
        *,
        clock: PlatformClock,
        heat: HeatSide,
        surroundings: PackagedSurroundings,
        view: Callable[[], View | None],
        basis: Basis,
        policy: str,
        estimate: Callable[[Task], Estimate],
        submit: Callable[[Task], None],
        stir: Callable[[], None],
    ) -> None:
        terms = fleet.filler
        self.signals = HeatSignals(
            fleet,
            lambda site_id: frozenset(heat.hosts.rights.terms(site_id).hosts),
            view,
            clock_rate=clock.rate,
            basis=basis,
            kept=store.document(KEY),
            kept_record=store.document(RECORD_KEY),
        )
        self._store = store
        self.broker = signal_broker(self.signals, clock.now)

        def account_id() -> AccountId | None:
            account = store.account_by_email(terms.account or OPERATOR)
            return None if account is None else account.id

        def estimated(task: Task) -> Estimate:
            with works.lock:
                return estimate(task)

        self.admissions = AdmissionNotes(
            self.signals,
            Season(fleet, lambda site_id, at: surroundings.at_site(site_id).outdoor(at)),
            now=clock.now,
            policy=policy,
            filler=terms,
            estimate=estimated,
        )
        self.fillers = FillerQueue(
            terms,
            works,
            issue=self.signals.issue,
            submit=submit,
            account_id=account_id,
            now=clock.now,
            stir=stir,
            slots=sum(node.slots for node in fleet.nodes),
            slot_heat_w=slot_heat_w(fleet),
        )
        self.rights = FillerRights(terms, account_id, self.fillers.own)

    def note(self) -> None:
        """At the beginning of an hour: keep what the signal foretells, and hold against it what came."""
        record = self.signals.note()
        if record is not None:
            self._store.commit(Changes(documents={RECORD_KEY: record}))

    def documents(self) -> dict[str, bytes]:
        """What must outlive the platform."""
        return self.signals.documents()


def slot_heat_w(fleet: Fleet) -> float:
    """Mean heat that one more slot at full load gives, over the nodes that heat somebody [W]."""
    heats = {unit.id: unit.capture_fraction for unit in fleet.units if unit.kind is not UnitKind.SERVER_RACK}
    watts = [
        heats[node.unit_id] * (node.curve.max_w - node.curve.idle_w) / node.slots
        for node in fleet.nodes
        if node.unit_id in heats
    ]
    return float(np.mean(watts)) if watts else 0.0
