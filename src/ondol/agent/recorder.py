"""What of a site's steps is kept and sent: readings every ten seconds, and what has to be written down of a moment."""

from __future__ import annotations

import datetime as dt
import math

import msgspec

from ondol.agent.body import BodyStep
from ondol.agent.orders import AlarmNote, HygieneStatus
from ondol.agent.wire import Item, ReadingRow, Told

READING_S = 10.0
"""Least time between two kept readings of a point, and between two batches [s, platform]."""
HYGIENE_S = 60.0
"""How a tank stands is written at every change, and so often [s, platform]."""
BACKUP_S = 600.0
"""Which backups run is written at every change, and so often [s, platform]."""


class RecorderNote(msgspec.Struct, kw_only=True):
    """What outlives the process; times in microseconds and seconds since the epoch.

    Parameters
    ----------
    points : when the last kept reading of a point was measured [µs], by point
    alarms, hygiene, backups : what was told last, in short
    """

    points: dict[str, int] = {}
    batch_s: float = 0.0
    alarms: tuple[tuple[str, str, int], ...] = ()
    hygiene: tuple[tuple[str, bool, bool, str, float], ...] = ()
    hygiene_s: float = 0.0
    backups: tuple[tuple[str, bool], ...] = ()
    backups_s: float = 0.0


class Recorder:
    """Decides which readings and moments are kept.

    Parameters
    ----------
    note : of an earlier life
    """

    def __init__(self, note: RecorderNote | None = None) -> None:
        self._note = note or RecorderNote()

    @property
    def note(self) -> RecorderNote:
        """What is to be written together with the items that `take` gave."""
        return self._note

    def take(self, step: BodyStep) -> tuple[Item, ...]:
        """Give what is to be kept of a step; their numbers are given by the outbox."""
        now = step.orders.now
        items: list[Item] = []
        rows = self._readings(step, now.timestamp())
        if rows:
            items.append(Item(number=0, readings=rows))
        told = self._told(step, now)
        if told is not None:
            items.append(Item(number=0, told=told))
        items += [Item(number=0, wish=wish) for wish in step.wishes]
        return tuple(items)

    def failed(self, note: AlarmNote, now: dt.datetime) -> tuple[Item, ...]:
        """Give what is to be kept of steps that fail; nothing where that was told already."""
        short = ((note.entity_id, note.code, int(note.severity)),)
        if self._note.alarms == short:
            return ()
        self._note.alarms = short
        return (Item(number=0, told=Told(at=now, alarms=(note,))),)

    def _readings(self, step: BodyStep, now_s: float) -> tuple[ReadingRow, ...]:
        if 0.0 <= now_s - self._note.batch_s < READING_S:
            return ()
        rows = []
        for reading in step.sensed.points:
            row, name = ReadingRow.of(reading), str(reading.key)
            if row.at_us - self._note.points.get(name, -(1 << 62)) >= READING_S * 1e6:
                self._note.points[name] = row.at_us
                rows.append(row)
        if rows:
            self._note.batch_s = now_s
        return tuple(rows)

    def _told(self, step: BodyStep, now: dt.datetime) -> Told | None:
        orders, note, now_s = step.orders, self._note, now.timestamp()
        alarms = tuple((one.entity_id, one.code, int(one.severity)) for one in orders.alarms)
        hygiene = tuple(_short(one) for one in orders.hygiene)
        backups = tuple((str(one.sink_id), one.on) for one in orders.backups)
        says_hygiene = bool(hygiene) and (_changed(hygiene, note.hygiene) or now_s - note.hygiene_s >= HYGIENE_S)
        says_backups = bool(backups) and (backups != note.backups or now_s - note.backups_s >= BACKUP_S)
        if alarms == note.alarms and not says_hygiene and not says_backups:
            return None
        note.alarms = alarms
        if says_hygiene:
            note.hygiene, note.hygiene_s = hygiene, now_s
        if says_backups:
            note.backups, note.backups_s = backups, now_s
        return Told(
            at=now,
            alarms=orders.alarms,
            hygiene=orders.hygiene if says_hygiene else (),
            backups=orders.backups if says_backups else (),
        )


def _short(status: HygieneStatus) -> tuple[str, bool, bool, str, float]:
    due_s = 0.0 if status.due_at is None else status.due_at.timestamp()
    return str(status.sink_id), math.isnan(status.coldest_c), status.kept, status.cycle, due_s


def _changed(
    now: tuple[tuple[str, bool, bool, str, float], ...], before: tuple[tuple[str, bool, bool, str, float], ...]
) -> bool:
    if [one[:4] for one in now] != [one[:4] for one in before]:
        return True
    return any(abs(one[4] - old[4]) > HYGIENE_S for one, old in zip(now, before, strict=True))
