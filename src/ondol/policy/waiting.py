"""Tells queued work why it waits: one action per service class and cause, not one per instance."""

from __future__ import annotations

import datetime as dt

from ondol.model.decision import Wait
from ondol.model.view import Ints, View

MOST_IDS = 50  # named in one Wait; the reason tells how many there are
NAMES = ("on-demand", "flex", "harvest", "filler")


def wait(view: View, rows: Ints, cause: str) -> tuple[Wait, ...]:
    """Group instances that wait for the same cause by their service class; the first `MOST_IDS` of each are named.

    Parameters
    ----------
    rows : of queued instances, the first in line first
    cause : in words, with numbers
    """
    if not len(rows):
        return ()
    service = view.instances.service[rows]
    actions: list[Wait] = []
    for number, name in enumerate(NAMES):
        of_class = rows[service == number]
        if len(of_class):
            ids = tuple(view.instances.ids[row] for row in of_class[:MOST_IDS].tolist())
            behind = int(view.beyond[number])
            more = f" and {behind} behind them" if behind else ""
            actions.append(Wait(ids, f"{len(of_class)} {name} in the queue{more}: {cause}"))
    return tuple(actions)


def no_fit(free: int) -> str:
    """Say that slots are free, but none on a node that will do."""
    return f"{free} slots are free, none on a node that its hardware constraints and reservations allow"


def clock(at_s: float) -> str:
    """Say a time as day and hour, e.g. "12 Jan 14:05 UTC"."""
    return dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%d %b %H:%M UTC")
