"""Reads what a heat request asks for over the week: one value, or slots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ondol.model import zones
from ondol.model.errors import InvalidFieldError
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import RequestId, SinkId, SiteId
from ondol.model.schedule import Slot, WeeklySchedule, constant
from ondol.model.sink import Sink
from ondol.model.site import Site
from ondol.storage.fleet_file.keys import Spot, read_keys
from ondol.storage.fleet_file.schedule import read_days, read_time, slots_of
from ondol.storage.fleet_file.tables import SLOT_KEYS
from ondol.storage.ical import schedule_of_ical


def check_timezone(spot: Spot, values: dict[str, Any]) -> None:
    """Refuse and take out what is no zone of a place; see `ondol.model.zones`."""
    try:
        zones.check_timezone("timezone", values.get("timezone", "UTC"))
    except InvalidFieldError as error:
        spot.drop(values, "timezone", error.allowed)


def request_schedule(
    spot: Spot, values: dict[str, Any], sites: Sequence[Site], sinks: Sequence[Sink]
) -> dict[str, Any]:
    """Take the set-point keys out of `values`; give the schedule and site that they make, as far as they are right.

    Parameters
    ----------
    spot : where the request stands
    values : its keys
    sites, sinks : of the fleet; a request is at the site of its target, and in that site's time
    """
    made: dict[str, Any] = {}
    check_timezone(spot, values)
    timezone = values.pop("timezone", "")
    site_id = next((sink.site_id for sink in sinks if sink.id == values.get("target")), None)
    if site_id is not None:
        made["site_id"] = site_id
    timezone = timezone or next((site.timezone for site in sites if site.id == site_id), "Europe/Paris")
    if values.get("kind") == "energy":
        for key in ("setpoint_c", "power_w", "slot", "ical"):
            if key in values:
                spot.drop(values, key, 'left out where kind = "energy": energy_kwh and by say what is wanted')
        return made | {"schedule": constant(0.0, timezone)}
    power = values.get("kind") == "power"
    right, wrong = ("power_w", "setpoint_c") if power else ("setpoint_c", "power_w")
    given = [key for key in (right, wrong, "slot", "ical") if key in values]
    if wrong in values:
        spot.drop(values, wrong, f'left out unless kind = "{"temperature" if power else "power"}"')
    elif len(given) > 1:
        spot.complain(f"has {' and '.join(given)}: only one of them is allowed")
    elif not given and not spot.notes.after_syntax_errors:
        spot.complain(f"has neither {right} nor [[request.slot]] nor ical: one of them is needed")
    value, slots = values.pop(right, None), _slots(spot, values.pop("slot", None), power=power)
    if (ical := values.pop("ical", None)) is not None:
        made["schedule"] = _from_calendar(spot, ical, timezone, power=power)
    elif slots:
        made["schedule"] = WeeklySchedule(slots=slots, timezone=timezone)
    elif value is not None and _fits(spot, right, value, power=power):
        made["schedule"] = constant(value, timezone)
    elif power:
        made["schedule"] = constant(0.0, timezone)
    return made


def _from_calendar(spot: Spot, text: str, timezone: str, *, power: bool) -> WeeklySchedule:
    """Read a schedule out of iCalendar text; a stand-in where it cannot be."""
    try:
        schedule = schedule_of_ical(text, timezone)
    except InvalidFieldError as error:
        spot.refuse("ical", f"{error.field}: {error.value}", error.allowed)
        return constant(0.0 if power else 20.0, timezone)
    if not all(_fits(spot, "ical", slot.value, power=power) for slot in schedule.slots):
        return constant(0.0 if power else 20.0, timezone)
    return schedule


def _slots(spot: Spot, raw: list[dict[str, Any]] | None, *, power: bool) -> tuple[Slot, ...]:
    slots: dict[int, Slot] = {}
    if raw == []:
        spot.refuse("slot", raw, "at least one slot, or left out")
    for number, table in enumerate(raw or []):
        here = spot.within("slot", number, where=f"slot[{number + 1}]")
        values = read_keys(here, SLOT_KEYS, table)
        days, minute = _read(here, values, "days", read_days), _read(here, values, "from", read_time)
        if not _fits(here, "value", values.get("value", 20.0), power=power) or minute is None:
            continue
        for slot in slots_of(days or tuple(range(7)), minute, values.get("value", 20.0)):
            if slot.minute in slots:
                here.complain(f"begins at {values['from']} on a day when another slot begins then")
                break
            slots[slot.minute] = slot
    return tuple(slots[minute] for minute in sorted(slots))


def _read(spot: Spot, values: dict[str, Any], key: str, reader: Any) -> Any:
    if key not in values:
        return None
    try:
        return reader(values[key])
    except InvalidFieldError as error:
        spot.refuse(key, error.value, error.allowed)
        return None


def _fits(spot: Spot, key: str, value: float, *, power: bool) -> bool:
    """Ask the request itself whether a value can be its set-point."""
    try:
        HeatRequest(
            id=RequestId("probe"),
            site_id=SiteId("probe"),
            target_id=SinkId("probe"),
            kind="power" if power else "temperature",
            schedule=constant(value),
        )
    except InvalidFieldError as error:
        spot.refuse(key, value, error.allowed)
        return False
    return True
