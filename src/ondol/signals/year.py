"""How a recorded year is laid over any calendar year, and how its packed files are read."""

from __future__ import annotations

import datetime as dt
import functools
import gzip
import io
import math
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from ondol.model.errors import InvalidFieldError, NotFoundError, UnavailableError

Floats = NDArray[np.float64]

STANDARD_TIME = dt.timezone(dt.timedelta(hours=1), "UTC+1")
"""Clock of the French files.

The note beside the RT2012 files says solar time; the sun in them says otherwise. Of the shifts from −0.5 to +2 h,
UTC+1 leaves the fewest hours with light and the sun below the horizon (113 of 8760 at Trappes, 114 at La Rochelle,
115 at Nice; solar time leaves 456, 386 and 587), so their time is legal winter time. `tests/unit/signals` holds it.
"""

HOURS_OF_YEAR = 8760


@functools.lru_cache(maxsize=32)
def read_packed(name: str) -> Floats:
    """Read a packed file of `ondol.signals.data` as a read-only array, one row a step.

    Raises
    ------
    UnavailableError : the file is not in this installation
    """
    try:
        packed = (files("ondol.signals") / "data" / name).read_bytes()
    except FileNotFoundError as error:
        raise UnavailableError(f"The packaged data file {name} is missing; install the package ondol again") from error
    table = np.loadtxt(io.StringIO(gzip.decompress(packed).decode()), delimiter=",", dtype=np.float64)
    table.flags.writeable = False
    return table


def check_key(kind: str, key: str, known: tuple[str, ...]) -> None:
    """Refuse a key that no packed series has.

    Raises
    ------
    NotFoundError : names the keys that there are
    """
    if key not in known:
        raise NotFoundError(kind, f"{key} (there are: {', '.join(known)})")


def check_aware(field: str, when: dt.datetime) -> None:
    """Refuse a time without a zone: nobody could say when it is."""
    if when.tzinfo is None or when.utcoffset() is None:
        raise InvalidFieldError(field, when.isoformat(), "a time with a zone, best UTC")


def hour_of_year(when: dt.datetime, clock: dt.tzinfo) -> float:
    """Hours since 1 January 00:00 by `clock`, in [0, 8760), the same for a calendar date in every year.

    29 February has no row of its own and takes that of the 28th; so the time goes over that day twice.

    Raises
    ------
    InvalidFieldError : a time without a zone
    """
    check_aware("when", when)
    local = when.astimezone(clock)
    month, day = (2, 28) if (local.month, local.day) == (2, 29) else (local.month, local.day)
    day_of_year = dt.date(2022, month, day).timetuple().tm_yday - 1  # 2022: any year of 365 days
    seconds = local.hour * 3600 + local.minute * 60 + local.second + local.microsecond * 1e-6
    return min(day_of_year * 24 + seconds / 3600.0, math.nextafter(HOURS_OF_YEAR, 0.0))


def at_hour(series: Floats, hour: float) -> Floats:
    """Linear between the middles of the hours, round the year.

    Parameters
    ----------
    series : (8760,) or (8760, columns), row k = middle of hour k
    hour : in [0, 8760)
    """
    place = hour - 0.5
    before = int(np.floor(place))
    share = place - before
    return np.asarray(series[before % HOURS_OF_YEAR] * (1.0 - share) + series[(before + 1) % HOURS_OF_YEAR] * share)
