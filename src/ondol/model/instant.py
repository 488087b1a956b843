"""How a moment is written in a sentence."""

from __future__ import annotations

import datetime as dt


def said_utc(when: dt.datetime) -> str:
    """Give a moment as people read it, e.g. "2026-01-26 23:00 UTC".

    Parameters
    ----------
    when : with its zone

    Returns
    -------
    str
        UTC, to the minute where it is a whole one, otherwise to the second.
    """
    utc = when.astimezone(dt.UTC).replace(microsecond=0)
    return f"{utc:%Y-%m-%d %H:%M:%S} UTC" if utc.second else f"{utc:%Y-%m-%d %H:%M} UTC"
