"""Instruments with faults: noise, silence and values that stick; for tests of bad days."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from ondol.drivers.ports import ReadsHeat, SinkReading, UnitReading
from ondol.model.ids import SinkId, UnitId


@dataclass(slots=True)
class FaultySensors:
    """Reads through to other instruments and spoils what they say; implements `ReadsHeat`.

    Parameters
    ----------
    inner : what is true
    noise_k : standard deviation of every sink temperature [K]
    lost, lost_units : sinks and units that say nothing
    stuck : sinks whose value and time stay as they were when first asked
    outdoor_lost : there is no outdoor sensor
    """

    inner: ReadsHeat
    noise_k: float = 0.0
    seed: int = 0
    lost: set[SinkId] = field(default_factory=set)
    lost_units: set[UnitId] = field(default_factory=set)
    stuck: set[SinkId] = field(default_factory=set)
    outdoor_lost: bool = False
    _kept: dict[SinkId, SinkReading] = field(default_factory=dict)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def sinks(self) -> tuple[SinkReading, ...]:
        """Readings of the sinks that still speak."""
        told = []
        for reading in self.inner.sinks():
            if reading.sink_id in self.lost:
                continue
            noisy = replace(
                reading,
                temp_c=reading.temp_c + self._noise(),
                layers_c=tuple(layer + self._noise() for layer in reading.layers_c),
            )
            if reading.sink_id in self.stuck:
                noisy = self._kept.setdefault(reading.sink_id, noisy)
            else:
                self._kept.pop(reading.sink_id, None)
            told.append(noisy)
        return tuple(told)

    def units(self) -> tuple[UnitReading, ...]:
        """Readings of the units that still speak."""
        return tuple(reading for reading in self.inner.units() if reading.unit_id not in self.lost_units)

    def outdoor_temp_c(self) -> float | None:
        """Outdoor temperature [°C], None where lost."""
        return None if self.outdoor_lost else self.inner.outdoor_temp_c()

    def _noise(self) -> float:
        return self._random.gauss(0.0, self.noise_k) if self.noise_k > 0 else 0.0
