"""A site on the bench: its drivers read and driven directly, while its agent is stopped."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

from ondol.drivers.ports import Driver, Written
from ondol.model.errors import NotFoundError, OndolError
from ondol.model.fleet import Fleet
from ondol.model.points import PointKey, PointReading, Quality

_log = logging.getLogger(__name__)


class Bench(Protocol):
    """What a trial needs of a site."""

    @property
    def now(self) -> dt.datetime:
        """Platform time, aware."""
        ...

    @property
    def writable(self) -> frozenset[PointKey]:
        """Points that can be driven."""
        ...

    def read(self) -> Mapping[PointKey, PointReading]:
        """Latest value of every point that ever spoke."""
        ...

    def write(self, key: PointKey, value: float) -> Written:
        """Drive a point and read it back."""
        ...

    def wait_until(self, when: dt.datetime) -> None:
        """Let platform time pass."""
        ...


class DriverBench:
    """A site's open drivers as a bench.

    Parameters
    ----------
    fleet : the site's part, for what is bound
    drivers : its drivers
    now : platform time
    sleep : lets platform seconds pass; returns early where the operator ends the trial
    """

    def __init__(
        self,
        fleet: Fleet,
        drivers: Sequence[Driver],
        *,
        now: Callable[[], dt.datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._drivers = {driver.connection_id: driver for driver in drivers}
        self._bindings = {binding.key: binding for binding in fleet.bindings if binding.connection_id}
        self._intervals_s = {one.id: one.interval_s for one in fleet.connections}
        self._now, self._sleep = now, sleep

    @property
    def now(self) -> dt.datetime:
        """Platform time."""
        return self._now()

    @property
    def writable(self) -> frozenset[PointKey]:
        """Bound points that can be driven."""
        return frozenset(
            key
            for key, binding in self._bindings.items()
            if key.kind.writable and hasattr(self._drivers.get(binding.connection_id), "write")
        )

    def read(self) -> Mapping[PointKey, PointReading]:
        """Latest values; one that is older than its limit is marked stale."""
        found: dict[PointKey, PointReading] = {}
        now = self.now
        for driver in self._drivers.values():
            if not hasattr(driver, "readings"):
                continue
            for reading in cast("Any", driver).readings():
                found[reading.key] = reading if self._fresh(reading, now) else _stale(reading)
        return found

    def write(self, key: PointKey, value: float) -> Written:
        """Drive a point through its driver; whatever goes wrong there is told in the reason.

        A trial that ends puts back one point after the other: none of them may hold up the others.

        Raises
        ------
        NotFoundError : it is not bound, or cannot be driven
        """
        if key not in self.writable:
            raise NotFoundError("point that can be driven", str(key))
        try:
            return cast("Written", cast("Any", self._drivers[self._bindings[key].connection_id]).write(key, value))
        except (OndolError, OSError) as error:
            return Written(key=key, requested=value, accepted=None, at=self.now, reason=str(error) or repr(error))

    def wait_until(self, when: dt.datetime) -> None:
        """Let platform time pass until `when`."""
        left_s = (when - self.now).total_seconds()
        if left_s > 0:
            self._sleep(left_s)

    def _fresh(self, reading: PointReading, now: dt.datetime) -> bool:
        binding = self._bindings.get(reading.key)
        if binding is None:
            return True
        limit_s = binding.stale_after_s or max(3.0 * self._intervals_s.get(binding.connection_id, 0.0), 60.0)
        return (now - reading.measured_at).total_seconds() <= limit_s


def _stale(reading: PointReading) -> PointReading:
    return PointReading(
        key=reading.key,
        value=reading.value,
        measured_at=reading.measured_at,
        quality=Quality.STALE,
        source=reading.source,
    )


@contextmanager
def opened(drivers: Sequence[Driver]) -> Iterator[None]:
    """Open drivers, and close them whatever happens."""
    try:
        for driver in drivers:
            driver.open()
        yield
    finally:
        for driver in drivers:
            try:
                driver.close()
            except (OndolError, OSError) as error:
                _log.warning("closing %s: %s", driver.connection_id, error)
