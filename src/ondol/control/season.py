"""How many slots heat carries, week by week for a year: a summer fleet is a smaller data centre, and says so."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ondol.control.sink_physics import SinkPhysics
from ondol.drivers.virtual.surroundings import OutdoorState
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.model.site import UnitKind

WEEKS = 52
_STEP_S = 21_600.0
_A_WEEK = round(604_800 / _STEP_S)


@dataclass(frozen=True, slots=True)
class Week:
    """A week and the slots whose heat is demanded in its mean, racks left out."""

    start: dt.date
    heat_slots: float


class Season:
    """Looks a year ahead with the weather of a typical year; kept for a day.

    ``slots(week) = Σ_sinks slots · mean(min(demand / (capture · power), 1))``, demand by the physics of each sink at
    its set-points (tier T5: nothing measured), with the mean draw of tanks.

    Parameters
    ----------
    sky : weather at a site at an aware time
    """

    def __init__(self, fleet: Fleet, sky: Callable[[SiteId, dt.datetime], OutdoorState]) -> None:
        self._fleet, self._sky = fleet, sky
        self._lock = threading.Lock()
        self._kept: tuple[dt.date, tuple[Week, ...]] | None = None
        self.rack_slots = sum(
            node.slots for node in fleet.nodes if fleet.unit(node.unit_id).kind is UnitKind.SERVER_RACK
        )

    def weeks(self, now: dt.datetime) -> tuple[Week, ...]:
        """The coming `WEEKS`, the first from today on; empty for a fleet that heats nothing."""
        with self._lock:
            if self._kept is None or self._kept[0] != now.date():
                self._kept = (now.date(), self._look_ahead(now))
            return self._kept[1]

    def worst(self, now: dt.datetime) -> Week | None:
        """The week in which heat carries least; the first of equals."""
        weeks = self.weeks(now)
        return min(weeks, key=lambda week: (week.heat_slots, week.start)) if weeks else None

    def _look_ahead(self, now: dt.datetime) -> tuple[Week, ...]:
        fleet = self._fleet
        if not fleet.sinks:
            return ()
        physics = SinkPhysics(fleet)
        begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
        steps = WEEKS * _A_WEEK
        clocks = physics.clocks(begin, steps, _STEP_S)
        moments = [begin + dt.timedelta(seconds=(k + 0.5) * _STEP_S) for k in range(steps)]
        sites = {site.id: site for site in fleet.sites}
        climate = [sites[sink.site_id].climate for sink in fleet.sinks]
        need_w = np.zeros((len(fleet.sinks), steps))
        for name in sorted(set(climate)):
            site_id = next(sink.site_id for sink, own in zip(fleet.sinks, climate, strict=True) if own == name)
            sky = [self._sky(site_id, moment) for moment in moments]
            base = physics.base_w(
                clocks, np.array([one.temp_c for one in sky]), np.array([one.solar_w_m2 for one in sky])
            )
            rows = np.array([own == name for own in climate])
            need_w[rows] = base[rows]
        need_w += np.where(physics.tank, physics.l_per_day * physics.j_per_l / 86_400.0, 0.0)[:, None]
        slots, power_w = self._machines()
        heat_w = physics.capture * power_w
        share = np.divide(need_w.T, heat_w, out=np.zeros(need_w.T.shape), where=heat_w > 0.0)
        carried = np.clip(share, 0.0, 1.0) @ slots
        means = carried.reshape(WEEKS, _A_WEEK).mean(axis=1)
        return tuple(
            Week((begin + dt.timedelta(weeks=week)).date(), float(mean)) for week, mean in enumerate(means.tolist())
        )

    def _machines(self) -> tuple[np.ndarray, np.ndarray]:
        """Slots and power at full load of each sink's units."""
        row = {sink.id: number for number, sink in enumerate(self._fleet.sinks)}
        slots, power_w = np.zeros(len(row)), np.zeros(len(row))
        for unit in self._fleet.units:
            sink = self._fleet.sink_of(unit)
            if sink is not None:
                for node in self._fleet.nodes_of(unit.id):
                    slots[row[sink.id]] += node.slots
                    power_w[row[sink.id]] += node.curve.max_w
        return slots, power_w
