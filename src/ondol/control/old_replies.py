"""Lets go of answers to creations that no request may repeat any more (ADR 7)."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable

from ondol.control.ports import REPLY_LIFE
from ondol.model.errors import OndolError
from ondol.storage.ports import Store

_log = logging.getLogger(__name__)
_EVERY_S = 3600.0  # [s, wall]


class OldReplies:
    """Removes them from a store, now and then.

    Parameters
    ----------
    now_s : a clock for durations, wall [s]
    """

    def __init__(self, store: Store, now_s: Callable[[], float] = time.monotonic) -> None:
        self._store, self._now_s = store, now_s
        self._due_s = now_s()

    def forget(self) -> None:
        """Remove what is too old, at most once an hour; a store that cannot be written now is asked again then."""
        if self._now_s() < self._due_s:
            return
        self._due_s = self._now_s() + _EVERY_S
        try:
            self._store.forget_replies(dt.datetime.now(dt.UTC) - REPLY_LIFE)
        except OndolError as error:
            _log.warning("old answers stay for another hour: %s", error)
