"""What stood before a limit of ours, kept over the end of an agent: the next one must not take our limit for it.

A controller of a server holds the limit that it was told last when nobody is connected any more. An agent that was
killed, or that could not tell its server of its end, leaves one there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from ondol.model.points import PointKey

_log = logging.getLogger(__name__)
SAME_LIMIT_W = 1.0
"""A limit that differs by less from what we left is ours; any other was set by somebody since, and counts [W]."""


@runtime_checkable
class KeepsLimit(Protocol):
    """A device that holds its limit by itself, also when nobody is connected."""

    def before(self) -> dict[str, Any] | None:
        """What stood there before us and what we left, as JSON; None where no limit is ours."""
        ...

    def recall(self, before: Mapping[str, Any]) -> None:
        """Take what an earlier `before` gave; it counts where the device still holds what we left.

        Raises KeyError, TypeError or ValueError where it is none.
        """
        ...


def is_ours(held_w: float | None, left_w: float) -> bool:
    """Whether a device still holds what we left there."""
    return held_w is not None and abs(held_w - left_w) < SAME_LIMIT_W


def before_of(devices: Iterable[tuple[PointKey, object]]) -> dict[str, Any]:
    """What is to be kept of devices, by the point of their limit."""
    kept = {str(key): one.before() for key, one in devices if key.point == "power_cap" and isinstance(one, KeepsLimit)}
    return {key: before for key, before in kept.items() if before is not None}


def recall_all(devices: Iterable[tuple[PointKey, object]], kept: Mapping[str, Any]) -> None:
    """Give devices what was kept of them; what does not fit is passed over."""
    for key, device in devices:
        if key.point != "power_cap" or str(key) not in kept or not isinstance(device, KeepsLimit):
            continue
        try:
            device.recall(kept[str(key)])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            _log.warning("%s: what stood there before an earlier limit is not known any more: %r", key, error)
