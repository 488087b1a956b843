"""What hosts ask for: heat requests, and the wishes of a moment that stand above them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from ondol.model.checks import check_choice, check_id, check_range, check_text, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import RequestId, SinkId, SiteId
from ondol.model.schedule import WeeklySchedule, constant

PRESETS = ("eco", "comfort", "boost", "away")
"""Presets that a host can choose, as Home Assistant's climate entity names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRequest:
    """What a host asks for; it never names a node.

    Parameters
    ----------
    target_id : zone, tank or pool
    kind : "temperature" (schedule in °C) or "power" (schedule in W)
    schedule : set-point over the local week
    band_k : half width of the comfort band around the set-point [K]
    priority : higher is served first where power is scarce, 0 to 100
    """

    id: RequestId
    site_id: SiteId
    target_id: SinkId
    kind: str = "temperature"
    schedule: WeeklySchedule = field(default_factory=lambda: constant(19.0))
    band_k: float = 0.5
    priority: int = 50

    def __post_init__(self) -> None:
        check_id("request.id", self.id)
        check_choice("request.kind", self.kind, ("temperature", "power"))
        check_range("request.band_k", self.band_k, 0.05, 20.0, "K")
        check_whole("request.priority", self.priority, 0, 100)
        low, high = (0.0, 1e6) if self.kind == "power" else (4.0, 90.0)
        for slot in self.schedule.slots:
            check_range(f"request[{self.id}].schedule", slot.value, low, high, "W" if self.kind == "power" else "°C")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostWish:
    """A wish of a moment: what somebody turned or pressed, standing above the request until it ends.

    Wishes are rows that are added and never changed, made at the server or at the site; both have all of them, and the
    latest `set_at` of a sink counts (ties by id), so that they agree in the end however late a link comes back.

    Parameters
    ----------
    id : unique for ever
    kind : "setpoint" (value in °C), "preset" (`preset` names it), "off" (frost protection only) or "schedule" (back to
        the request's schedule: ends whatever stood before)
    until : when it ends by itself, None for until the next wish
    source : who wished: "app" (Home Assistant, at the site), "api", or "cli"
    set_at : when, aware UTC
    """

    id: str
    site_id: SiteId
    sink_id: SinkId
    kind: str
    value: float = 0.0
    preset: str = ""
    until: dt.datetime | None = None
    source: str = "api"
    set_at: dt.datetime

    def __post_init__(self) -> None:
        check_text("wish.id", self.id, 100)
        check_id("wish.site", self.site_id)
        check_id("wish.sink", self.sink_id)
        check_choice("wish.kind", self.kind, ("setpoint", "preset", "off", "schedule"))
        check_text("wish.source", self.source, 40)
        if self.kind == "setpoint":
            check_range("wish.value", self.value, 4.0, 90.0, "°C")
        if self.kind == "preset":
            check_choice("wish.preset", self.preset, PRESETS)
        if self.set_at.tzinfo is None or (self.until is not None and self.until.tzinfo is None):
            raise InvalidFieldError("wish.until", str(self.until), "a time with its zone")
