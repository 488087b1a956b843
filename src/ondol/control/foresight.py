"""Puts together what the live View tells of the hours ahead, and lets it hear of all work, wherever a loop is built."""

from __future__ import annotations

from ondol.control.clock import LeapingClock, PlatformClock
from ondol.control.grids import Grids
from ondol.control.outlook import Outlook
from ondol.control.skies import Skies, Weather
from ondol.control.study import Study, at_once
from ondol.control.work_log import KEY, WorkLog
from ondol.control.works import Works
from ondol.model.fleet import Fleet
from ondol.storage.ports import Store


def foresight(
    fleet: Fleet,
    grids: Grids,
    works: Works,
    store: Store,
    *,
    clock: PlatformClock | LeapingClock,
    weather: Skies | Weather,
    study: Study = at_once,
) -> Outlook:
    """Give an outlook that goes on from what the store holds of an earlier life.

    Parameters
    ----------
    works : from now on the outlook hears of every step of them
    weather, study : as of `Outlook`
    """
    slot_cores = {node.id: node.host_cores / node.slots for node in fleet.nodes}
    work_log = WorkLog(slot_cores, clock_rate=clock.rate, now_s=clock.now_s(), kept=store.document(KEY))
    works.observers.append(work_log.observe)
    return Outlook(fleet, grids, weather=weather, work=work_log, document=store.document, study=study)
