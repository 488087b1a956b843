"""Serving many one by one: what is wrong with one keeps none of the others waiting, and nothing that waits is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from ondol.model.errors import UnavailableError

_log = logging.getLogger(__name__)
Key = TypeVar("Key", bound=str)


def serve_each(waiting: set[Key], serve: Callable[[Key], None], failing: set[Key]) -> bool:
    """Serve all that wait now, in order; whether there was any.

    Raises UnavailableError where storage cannot be read; who was not served by then still waits.

    Parameters
    ----------
    waiting : is emptied one by one; who puts itself in again while it is served waits for the next time
    failing : takes those that could not be served, whatever the reason; it is logged whole
    """
    now = sorted(waiting)
    for key in now:
        waiting.discard(key)
        try:
            serve(key)
        except UnavailableError:
            waiting.add(key)
            raise
        except Exception:  # noqa: BLE001  # one bad row must not keep the others, and the heat, from being served
            _log.exception("%s cannot be served now", key)
            failing.add(key)
    return bool(now)
