"""What hosts ask of a site: requests and wishes, of the server and of the site itself, without a link too."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Mapping, Sequence

import msgspec

from ondol.drivers.ports import Command
from ondol.lifecycle.asking import effective, latest
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import PRESETS, HeatRequest, HostWish
from ondol.model.ids import SinkId, SiteId

_BACK = ("schedule", "none", "auto")


class AskedNote(msgspec.Struct, frozen=True, kw_only=True):
    """What outlives the agent of it; see `Have`."""

    requests: tuple[HeatRequest, ...] = ()
    digest: str = ""
    wishes: tuple[HostWish, ...] = ()
    after: int = 0


class Asked:
    """Requests and wishes of one site.

    Parameters
    ----------
    fleet : the part of the site; its requests count until the server tells all there are
    note : of an earlier life
    """

    def __init__(self, fleet: Fleet, note: AskedNote | None = None) -> None:
        self._sinks = {sink.id for sink in fleet.sinks}
        self._site_id = fleet.sites[0].id
        self._note = note if note is not None and note.digest else AskedNote(requests=fleet.requests)
        if note is not None and not note.digest:
            self._note = AskedNote(requests=fleet.requests, wishes=note.wishes, after=note.after)
        self._minute = math.nan
        self._effective: Mapping[SinkId, HeatRequest] = {}

    @property
    def note(self) -> AskedNote:
        """What is to be kept."""
        return self._note

    def effective(self, now: dt.datetime) -> Mapping[SinkId, HeatRequest]:
        """What counts for every sink now, see `lifecycle.asking.effective`; the same mapping until it changes."""
        minute = now.timestamp() // 60.0
        if minute != self._minute:
            fresh = effective(self._note.requests, self._note.wishes, now)
            if fresh != self._effective:
                self._effective = fresh
            self._minute = minute
        return self._effective

    def wish_of(self, sink_id: SinkId, now: dt.datetime) -> HostWish | None:
        """The wish that stands over a sink's request now."""
        found = latest(self._note.wishes, now).get(sink_id)
        if found is None or found.kind == "schedule" or (found.ends_at is not None and found.ends_at <= now):
            return None
        return found

    def told(
        self,
        requests: Sequence[HeatRequest] | None,
        digest: str,
        wishes: Sequence[tuple[int, HostWish]],
        now: dt.datetime,
    ) -> bool:
        """Take what the server told; True where anything was new."""
        if requests is None and not wishes:
            return False
        note = self._note
        if requests is not None:
            note = msgspec.structs.replace(note, requests=tuple(requests), digest=digest)
        if wishes:
            note = msgspec.structs.replace(note, after=max(number for number, _ in wishes))
        self._note = note
        self._add([wish for _, wish in wishes], now)
        return True

    def wish(self, wish: HostWish, now: dt.datetime) -> None:
        """Take a wish that was made at the site."""
        self._add([wish], now)

    def _add(self, wishes: Sequence[HostWish], now: dt.datetime) -> None:
        """Keep of every sink the latest wish, and those of the time to come."""
        known = {wish.id: wish for wish in (*self._note.wishes, *wishes) if wish.sink_id in self._sinks}
        last = latest(known.values(), now)
        kept = tuple(w for _, w in sorted(known.items()) if w.set_at > now or last.get(w.sink_id) is w)
        self._note = msgspec.structs.replace(self._note, wishes=kept)
        self._minute = math.nan


def wish_of_command(
    command: Command, site_id: SiteId, sink_id: SinkId, *, standing: HostWish | None, number: int
) -> HostWish | None:
    """Make a wish of what somebody turned or pressed at the site; None where it changes nothing.

    Parameters
    ----------
    standing : the wish that stands now: "heat" ends an "off", and changes nothing else
    number : tells commands of one microsecond apart

    Raises
    ------
    InvalidFieldError : a command that nobody knows, or a set-point outside of its range
    """
    at = command.received_at
    wish_id = f"{site_id}.{sink_id}.{int(at.timestamp() * 1e6)}.{number}"
    fresh = HostWish(id=wish_id, site_id=site_id, sink_id=sink_id, kind="schedule", source="app", set_at=at)
    if command.name == "setpoint" and command.number is not None:
        return dataclasses.replace(fresh, kind="setpoint", value=command.number)
    if command.name == "preset":
        if command.text in _BACK:
            return fresh
        return dataclasses.replace(fresh, kind="preset", preset=command.text)
    if command.name == "mode":
        if command.text == "off":
            return dataclasses.replace(fresh, kind="off")
        if command.text == "auto" or (command.text == "heat" and standing is not None and standing.kind == "off"):
            return fresh
        if command.text == "heat":
            return None
        raise InvalidFieldError("mode", command.text, '"off", "heat" or "auto"')
    raise InvalidFieldError("command", command.name, f"setpoint, preset ({', '.join(PRESETS)}) or mode, of a sink")
