"""Which time zones a budget, a site or a schedule may name: places and UTC, not what one machine is set to."""

from __future__ import annotations

import datetime as dt
import functools
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ondol.model.errors import InvalidFieldError

_NOT_PLACES = frozenset({"localtime", "posixrules", "Factory", "leapseconds"})
_OTHER_CLOCKS = ("posix/", "right/")  # the same places once more, "right" with leap seconds: 27 s beside everybody's


def check_timezone(field: str, name: str) -> None:
    """Refuse a name that is no zone of the IANA database, or whose meaning hangs on the machine that reads it.

    `localtime` and `posixrules` are links that each machine sets as it likes, `Factory` stands for "not set"
    (IANA tz, theory.html): a budget by them would begin its day elsewhere after a move to another machine.

    Raises InvalidFieldError : with the field, the name and what is allowed.
    """
    if not _is_place(name):
        raise InvalidFieldError(
            field,
            name,
            'a zone of the IANA database such as "Europe/Paris" or "UTC"; not localtime, posixrules, Factory, posix/… '
            "or right/…, which are no places",
        )


def in_zone(field: str, when: dt.datetime, timezone: str) -> dt.datetime:
    """A time in UTC; one that names no offset is what the clocks of a zone show.

    Raises InvalidFieldError : so early or late that it is no time in UTC
    """
    try:
        return (when if when.tzinfo is not None else when.replace(tzinfo=ZoneInfo(timezone))).astimezone(dt.UTC)
    except OverflowError as error:
        raise InvalidFieldError(field, when.isoformat(), "a time between the years 2 and 9998") from error


@functools.lru_cache(maxsize=512)
def _is_place(name: object) -> bool:
    if not isinstance(name, str) or not name or name in _NOT_PLACES or name.startswith(_OTHER_CLOCKS):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # not there; a path out of the database; a folder of it
        return False
    return True
