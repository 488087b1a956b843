"""What hosts are shown: the latest state of every sink and unit, sent when it changes, else as a sign of life."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from ondol.drivers.mqtt.outgoing import Outgoing
from ondol.drivers.mqtt.topics import Topics
from ondol.drivers.ports import Shown

LIVENESS_S = 60.0
"""So often a state is sent even where nothing changed [s of wall time]."""

EXPIRY_S = 180
"""A state that was not renewed for so long counts for nothing: three signs of life were missed [s]."""

LEAST_GAP_S = 1.0
"""One entity's state is sent at most so often [s of wall time]."""

_DECIMALS = 3


@dataclass(slots=True)
class _Entry:
    """What is known of one entity, and what was sent."""

    values: dict[str, float | str | bool | None]
    at: str
    sent: dict[str, float | str | bool | None] | None = None
    sent_s: float = float("-inf")
    forced: bool = True


class Board:
    """Keeps what is shown; may be used from several threads. The latest wins.

    Parameters
    ----------
    fields : keys that each entity's state always has, null where nothing is known: templates rely on them
    """

    def __init__(self, topics: Topics, fields: Mapping[str, tuple[str, ...]]) -> None:
        self._topics = topics
        self._fields = fields
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def show(self, shown: tuple[Shown, ...]) -> None:
        """Take in how things stand; what belongs to no entity of the site is left out."""
        with self._lock:
            for one in shown:
                if one.entity_id not in self._fields:
                    continue
                values = dict.fromkeys(self._fields[one.entity_id]) | {
                    name: _rounded(value) for name, value in one.values.items()
                }
                at = one.at.isoformat(timespec="seconds")
                entry = self._entries.get(one.entity_id)
                if entry is None:
                    self._entries[one.entity_id] = _Entry(values, at)
                else:
                    entry.values, entry.at = values, at

    def force(self, entity_id: str | None = None) -> None:
        """Send one entity's state, or all, again at the next turn, changed or not."""
        with self._lock:
            for key, entry in self._entries.items():
                if entity_id is None or key == entity_id:
                    entry.forced = True

    def due(self, mono_s: float) -> list[Outgoing]:
        """What is to be sent now, by id of its entity; it counts as sent.

        Parameters
        ----------
        mono_s : monotonic wall time [s]
        """
        with self._lock:
            return [
                self._send(key, entry, mono_s) for key, entry in sorted(self._entries.items()) if _due(entry, mono_s)
            ]

    def _send(self, entity_id: str, entry: _Entry, mono_s: float) -> Outgoing:
        entry.sent, entry.sent_s, entry.forced = entry.values, mono_s, False
        payload = json.dumps({**entry.values, "at": entry.at}, sort_keys=True).encode()
        return Outgoing(topic=self._topics.state(entity_id), payload=payload, retain=True, expiry_s=EXPIRY_S)


def _due(entry: _Entry, mono_s: float) -> bool:
    if entry.forced:
        return True
    silent_s = mono_s - entry.sent_s
    return silent_s >= LIVENESS_S or (silent_s >= LEAST_GAP_S and entry.values != entry.sent)


def _rounded(value: float | str | bool | None) -> float | str | bool | None:
    if isinstance(value, float):
        # JSON has no nan; to a display it is what is not known.
        return round(value, _DECIMALS) + 0.0 if abs(value) < float("inf") else None
    return value
