"""DCMI power readings and limits, out of what ipmitool 1.8 prints (its lib/ipmi_dcmi.c)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ondol.drivers.host_power.kept_limits import is_ours
from ondol.drivers.ipmi.program import Ipmitool
from ondol.model.errors import UnavailableError

_POWER = re.compile(r"Instantaneous power reading:\s+(\d+)\s+Watts", re.IGNORECASE)
_MEASURES = re.compile(r"Power reading state is:\s+(\w+)", re.IGNORECASE)
_LIMIT = re.compile(r"Power Limit:\s+(\d+)\s+Watts", re.IGNORECASE)
_ACTIVE = re.compile(r"Current Limit State:\s+(.+)", re.IGNORECASE)
_CORRECTION = re.compile(r"Correction time:\s+(\d+)\s+milliseconds", re.IGNORECASE)
_ACTION = re.compile(r"Exception actions:\s+(.+)", re.IGNORECASE)

CORRECTION_MS = 6_000
"""Correction time that is asked for: controllers take 5.75 to 28.75 s (note in ipmitool's lib/ipmi_dcmi.c) [ms]."""

LIMIT_MAX_W = 65_535
"""Highest limit: the field has 16 bits (DCMI 1.5, table 6-18) [W]."""


@dataclass(frozen=True, slots=True)
class DcmiLimit:
    """The limit that a controller holds.

    Parameters
    ----------
    active : whether it is in force
    powers_off : whether the server is switched off when it is passed
    correction_ms : time that the controller has to come below it [ms]
    """

    limit_w: float
    active: bool
    powers_off: bool
    correction_ms: int = 0


def power_of(text: str) -> float | None:
    """Read `dcmi power reading` [W]; None where the controller says that it does not measure.

    Raises
    ------
    UnavailableError : it is not what ipmitool prints
    """
    power = _POWER.search(text)
    if power is None:
        raise UnavailableError("ipmitool printed no power reading")
    state = _MEASURES.search(text)
    return None if state is not None and state.group(1).lower() == "deactivated" else float(power.group(1))


def limit_of(text: str) -> DcmiLimit:
    """Read `dcmi power get_limit`; raises UnavailableError where it is not what ipmitool prints."""
    limit, active, action = _LIMIT.search(text), _ACTIVE.search(text), _ACTION.search(text)
    if limit is None or active is None:
        raise UnavailableError("ipmitool printed no power limit")
    return DcmiLimit(
        limit_w=float(limit.group(1)),
        active=active.group(1).strip().lower() == "power limit active",
        powers_off=action is not None and "power off" in action.group(1).lower(),
        correction_ms=int(correction.group(1)) if (correction := _CORRECTION.search(text)) else 0,
    )


class DcmiDevice:
    """The server of one controller.

    A limit whose excess switches the server off is defused: it logs an event in its place. A correction time above 6 s
    is shortened to that.
    """

    def __init__(self, tool: Ipmitool) -> None:
        self._tool = tool
        self._original: DcmiLimit | None = None
        self._left_w: float | None = None  # our last limit
        self._earlier: tuple[DcmiLimit, float] | None = None  # of an earlier life, and its last limit

    def read(self, point: str) -> float | None:
        """Power, or limit in force; None where there is none [W]."""
        if point == "electric_power":
            return power_of(self._tool.power("reading"))
        held = limit_of(self._tool.power("get_limit"))
        return held.limit_w if held.active else None

    def span_w(self) -> None:
        """DCMI does not tell the range of limits."""

    def limit(self, cap_w: float) -> str:
        """Set and activate a limit in whole watts, rounded down."""
        until_s = self._tool.deadline_s()
        before = limit_of(self._tool.power("get_limit", until_s=until_s))
        if self._original is None:
            self._original = before
            if self._earlier is not None and before.active and is_ours(before.limit_w, self._earlier[1]):
                self._original, self._left_w = self._earlier
        self._earlier = None
        note = ""
        if before.powers_off:
            self._tool.power("set_limit", "action", "sel_logging", until_s=until_s)
            note = "its limit would have switched the server off when passed: it logs an event now"
        if before.correction_ms > CORRECTION_MS:
            self._tool.power("set_limit", "correction", str(CORRECTION_MS), until_s=until_s)
        held_w = min(math.floor(cap_w), LIMIT_MAX_W)
        self._tool.power("set_limit", "limit", str(held_w), until_s=until_s)
        self._left_w = float(held_w)
        if not before.active:
            self._tool.power("activate", until_s=until_s)
        return note

    def restore(self) -> None:
        """Put back the limit, and whether it was in force."""
        original = self._original
        if original is None:
            return
        until_s = self._tool.deadline_s()
        if not original.active:
            self._tool.power("deactivate", until_s=until_s)
        self._tool.power("set_limit", "limit", f"{original.limit_w:.0f}", until_s=until_s)
        if original.correction_ms > CORRECTION_MS:
            self._tool.power("set_limit", "correction", str(original.correction_ms), until_s=until_s)
        if original.powers_off:
            self._tool.power("set_limit", "action", "power_off", until_s=until_s)
        self._original = None
        self._left_w = None

    def before(self) -> dict[str, Any] | None:
        """See `KeepsLimit`."""
        original, left_w, earlier = self._original, self._left_w, self._earlier  # a worker may write meanwhile
        if original is not None and left_w is not None:
            earlier = original, left_w
        return None if earlier is None else {**asdict(earlier[0]), "left_w": earlier[1]}

    def recall(self, before: Mapping[str, Any]) -> None:
        """See `KeepsLimit`."""
        limit = DcmiLimit(
            limit_w=float(before["limit_w"]),
            active=bool(before["active"]),
            powers_off=bool(before["powers_off"]),
            correction_ms=int(before["correction_ms"]),
        )
        self._earlier = limit, float(before["left_w"])
