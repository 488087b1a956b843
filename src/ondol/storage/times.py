"""Times as whole microseconds since the epoch: exact, and compared alike by every database."""

from __future__ import annotations

import datetime as dt

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def to_us(when: dt.datetime) -> int:
    """Microseconds since the epoch, exact."""
    return (when - _EPOCH) // _MICROSECOND


def from_us(us: int) -> dt.datetime:
    """Aware UTC time of `to_us`."""
    return _EPOCH + us * _MICROSECOND
