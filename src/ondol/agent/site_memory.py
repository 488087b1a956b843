"""What a site's agent must know again after its end: written as a whole, read as a whole."""

from __future__ import annotations

import logging
from typing import Any, TypeVar

import msgspec

from ondol.agent.asked import AskedNote
from ondol.agent.outbox import Outbox
from ondol.agent.plan import PlanNote
from ondol.agent.recorder import RecorderNote
from ondol.agent.site_clock import ClockNote
from ondol.agent.wire import Setup, pack_any

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """Where the agent stood.

    Parameters
    ----------
    stepped_s : platform time of that [s since the epoch]
    body : snapshot of the site's body
    """

    stepped_s: float
    body: dict[str, Any]


_KINDS: dict[type[Any], str] = {
    Setup: "setup",
    ClockNote: "clock",
    PlanNote: "plan",
    AskedNote: "asked",
    RecorderNote: "recorder",
    Stand: "stand",
}


def recall(outbox: Outbox, kind: type[T]) -> T | None:
    """Read a note of its kind; None where there is none, or one that another release wrote differently."""
    data = outbox.document(_KINDS[kind])
    if data is None:
        return None
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        _log.warning("the agent's note %s cannot be read, it begins afresh: %s", _KINDS[kind], error)
        return None


def noted(*notes: object) -> dict[str, bytes]:
    """Pack notes, to be committed by the outbox."""
    return {_KINDS[type(note)]: pack_any(note) for note in notes}
