"""A simulated site on a clock that leaps, as a bench for trials."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from ondol.drivers.ports import Written
from ondol.drivers.virtual.sim_site import SimSite
from ondol.model.points import PointKey, PointReading

START = dt.datetime(2026, 1, 12, 9, 0, tzinfo=dt.UTC)


class SimBench:
    """Reads and drives a `SimSite` directly; time passes when it is waited for."""

    def __init__(self, site: SimSite) -> None:
        self.site = site
        self._now = site.now

    @property
    def now(self) -> dt.datetime:
        return self._now

    @property
    def writable(self) -> frozenset[PointKey]:
        return frozenset(self.site.held())

    def read(self) -> Mapping[PointKey, PointReading]:
        values = {**self.site.points(), **self.site.held()}
        return {key: PointReading(key=key, value=value, measured_at=self._now) for key, value in values.items()}

    def write(self, key: PointKey, value: float) -> Written:
        self.site.write(key, value)
        return Written(key=key, requested=value, accepted=self.site.held()[key], at=self._now)

    def wait_until(self, when: dt.datetime) -> None:
        self._now = max(when, self._now)
        self.site.advance(self._now)
