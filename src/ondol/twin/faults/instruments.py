"""The instruments of a drawn site: the virtual plant behind a driver, spoilt by faults."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence
from typing import ClassVar

from ondol.drivers.ports import LinkStatus
from ondol.drivers.virtual.plant import VirtualPlant
from ondol.model.fleet import Fleet
from ondol.model.ids import UnitId
from ondol.model.points import Ability, PointKey, PointReading
from ondol.twin.faults.fault import Fault

_NOISE_K, _RESOLUTION_K = 0.02, 0.05
_PUMP_ON_K = 2.0
_SPIKES = 0.2  # share of readings that a spiking sensor spoils


class SpoiltPoints:
    """Reads points of a virtual plant through faults; implements `ReadsPoints`.

    A stuck sensor goes on telling the time, as broken converters do; a lost one keeps its last value and time.

    Parameters
    ----------
    fleet : what is bound
    now : the clock by which readings are stamped
    outdoor_c : true outdoor temperature [°C]
    """

    abilities: ClassVar[frozenset[Ability]] = frozenset(Ability)
    connection_id = "desk"

    def __init__(
        self,
        fleet: Fleet,
        plant: VirtualPlant,
        draw: random.Random,
        now: Callable[[], dt.datetime],
        outdoor_c: Callable[[], float],
    ) -> None:
        self._plant, self._draw, self._now, self._outdoor_c = plant, draw, now, outdoor_c
        self._keys = tuple(binding.key for binding in fleet.bindings)
        self._warm = frozenset(key for key in self._keys if key.kind.unit == "°C")
        self._key_of = {(key.entity_id, key.point, key.index): key for key in self._keys}
        self._outdoor = PointKey(fleet.sites[0].id, "outdoor_temperature")
        self._load_of = {unit.id: fleet.sink_of(unit) for unit in fleet.units}
        self._kept: dict[PointKey, PointReading] = {}
        self._heat_j: dict[UnitId, float] = {}

    def open(self) -> None:
        """Nothing is to be opened."""

    def close(self) -> None:
        """Nothing is to be closed."""

    def status(self) -> LinkStatus:
        """It always answers; single points may be lost."""
        return LinkStatus(connected=True, since=self._plant.now)

    def readings(self) -> tuple[PointReading, ...]:
        """Latest reading of every point that ever spoke, by key."""
        return tuple(self._kept[key] for key in self._keys if key in self._kept)

    def poll(self, now_s: float, faults: Sequence[Fault], blocked: frozenset[UnitId]) -> None:
        """Read the plant once.

        Parameters
        ----------
        now_s : since the begin of the sequence [s]
        faults : all of the sequence
        blocked : units whose pump stands
        """
        truth = self._truth(blocked)
        active = {
            self._key_of[fault.target, fault.point, fault.index]: fault
            for fault in faults
            if fault.point and fault.at(now_s)
        }
        at = self._now()
        for key in self._keys:
            value = truth[key]
            if key in self._warm:
                value = round((value + self._draw.gauss(0.0, _NOISE_K)) / _RESOLUTION_K) * _RESOLUTION_K
            spoilt = self._spoilt(key, value, active.get(key), now_s)
            if spoilt is not None:
                self._kept[key] = PointReading(key=key, value=spoilt, measured_at=at, source=self.connection_id)

    def _spoilt(self, key: PointKey, value: float, fault: Fault | None, now_s: float) -> float | None:
        if fault is None:
            return value
        if fault.code == "lost":
            return None
        if fault.code == "stuck":
            return self._kept[key].value if key in self._kept else value
        if fault.code == "drift":
            return value + fault.size * (now_s - fault.begin_s) / 3600.0
        if fault.code == "noise":
            return value + self._draw.gauss(0.0, fault.size)
        return value + self._draw.choice((-1.0, 1.0)) * fault.size if self._draw.random() < _SPIKES else value

    def _truth(self, blocked: frozenset[UnitId]) -> dict[PointKey, float]:
        key_of = self._key_of
        truth = {self._outdoor: self._outdoor_c()}
        loads: dict[str, float] = {}
        for reading in self._plant.sinks():
            layers = reading.layers_c or (reading.temp_c,)
            loads[reading.sink_id] = layers[-1]
            truth.update({key_of[reading.sink_id, "temperature", k]: layer for k, layer in enumerate(layers)})
        for unit in self._plant.units():
            sink = self._load_of.get(unit.unit_id)
            if sink is None:
                continue
            moved = unit.heat_j > self._heat_j.get(unit.unit_id, unit.heat_j)
            self._heat_j[unit.unit_id] = unit.heat_j
            flows = unit.unit_id not in blocked and (moved or unit.loop_temp_c > loads[sink.id] + _PUMP_ON_K)
            truth[key_of[unit.unit_id, "loop_temperature", 0]] = unit.loop_temp_c
            truth[key_of[unit.unit_id, "heat_meter", 0]] = unit.heat_j
            if (unit.unit_id, "flow_switch", 0) in key_of:
                truth[key_of[unit.unit_id, "flow_switch", 0]] = float(flows)
        return truth
