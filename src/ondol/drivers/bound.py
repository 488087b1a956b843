"""What every driver keeps: its bindings, checked, and the latest reading of each bound point."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable, Sequence

from ondol.model.binding import Binding
from ondol.model.checks import check_range
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.points import Ability, PointKey, PointReading, Quality

FARTHEST_AHEAD_S = 60.0
"""How far a device's clock may run ahead of ours; what lies in between is taken for now, beyond it is refused [s]."""

READS = frozenset(
    {
        Ability.READS_TEMPERATURE,
        Ability.READS_HEAT,
        Ability.READS_POWER,
        Ability.READS_FLOW,
        Ability.READS_STATE,
    }
)
"""All that an instrument can be read for: the abilities of a driver that reads whatever stands at an address."""


def bound_by_key(
    connection: Connection, bindings: Sequence[Binding], abilities: frozenset[Ability]
) -> dict[PointKey, Binding]:
    """Check a connection's bindings and give them by key, in the order of keys.

    Raises
    ------
    InvalidFieldError : a binding of another connection, one whose point needs an ability that the driver lacks, a point
        bound twice, or one that has no address
    """
    found: dict[PointKey, Binding] = {}
    for one in bindings:
        where = f"binding[{one.key}]"
        if one.connection_id != connection.id:
            raise InvalidFieldError(f"{where}.connection", one.connection_id, connection.id)
        if one.key.kind.ability not in abilities:
            can = ", ".join(sorted(ability.value for ability in abilities))
            raise InvalidFieldError(f"{where}.point", one.point, f"a point for which {connection.driver} serves: {can}")
        if one.key in found:
            raise InvalidFieldError(f"{where}.point", one.point, "each point once per connection")
        if not one.address and not one.write_address and connection.driver != "push":
            raise InvalidFieldError(f"{where}.address", "", "where the value stands behind the connection")
        found[one.key] = one
    return dict(sorted(found.items()))


def check_write(bound: dict[PointKey, Binding], key: PointKey, value: float) -> Binding:
    """Give the binding of a point that is to be written.

    Raises
    ------
    NotFoundError : the point is not bound
    InvalidFieldError : it cannot be written, or the value is outside of what its kind allows
    """
    binding = bound.get(key)
    if binding is None:
        raise NotFoundError("bound point", str(key))
    if not key.kind.writable:
        raise InvalidFieldError(str(key), value, "no value: this point is read only")
    check_range(str(key), value, key.kind.low, key.kind.high, key.kind.unit)
    return binding


def quality_of(key: PointKey, value: float) -> Quality:
    """GOOD within the range of an instrument in order, SUSPECT outside it: told as it is, never clamped."""
    return Quality.GOOD if key.kind.low <= value <= key.kind.high else Quality.SUSPECT


def time_told(measured_at: dt.datetime, now: dt.datetime) -> dt.datetime | None:
    """Give the time of measurement as a device told it; None where its clock runs too far ahead to be believed."""
    ahead_s = (measured_at - now).total_seconds()
    if ahead_s > FARTHEST_AHEAD_S:
        return None
    return now if ahead_s > 0 else measured_at


class Latest:
    """The newest reading per point; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readings: dict[PointKey, PointReading] = {}

    def put(self, readings: Iterable[PointReading]) -> int:
        """Keep those that are not older than what is kept; gives how many were."""
        kept = 0
        with self._lock:
            for one in readings:
                before = self._readings.get(one.key)
                if before is None or one.measured_at >= before.measured_at:
                    self._readings[one.key] = one
                    kept += 1
        return kept

    def all(self) -> tuple[PointReading, ...]:
        """Every reading, by key."""
        with self._lock:
            return tuple(self._readings[key] for key in sorted(self._readings))
