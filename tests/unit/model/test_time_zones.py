"""Given the names that a machine's zone database has, when somebody writes one down, then only places are taken."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import pytest

from ondol.model.budget import Every, Holder, Level, UseBudget
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AccountId, SiteId
from ondol.model.schedule import Slot, WeeklySchedule
from ondol.model.site import Site
from ondol.model.zones import check_timezone
from ondol.storage.fleet_file import check_fleet_text
from ondol.storage.ical import schedule_of_ical

NO_PLACES = ["localtime", "posixrules", "Factory", "posix/Europe/Paris", "right/Europe/Paris"]
NO_ZONES = [
    "",
    "Europe",
    "Europe/Nowhere",
    "../../etc/passwd",
    "/etc/localtime",
    "leapseconds",
    "CEST",
    "Europe/Paris\0",
]


def budget_in(timezone: str) -> UseBudget:
    return UseBudget(
        id="b",
        holder=Holder(level=Level.ACCOUNT, account_id=AccountId("alice")),
        alias="b",
        co2e_g=None,
        energy_kwh=1.0,
        every=Every.MONTH,
        timezone=timezone,
        start=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )


@pytest.mark.parametrize("name", [*NO_PLACES, *NO_ZONES])
def test_what_is_no_place_is_refused_by_everything_that_has_a_zone(name: str) -> None:
    with pytest.raises(InvalidFieldError, match=r"window\.timezone"):
        check_timezone("window.timezone", name)
    with pytest.raises(InvalidFieldError, match=r"budget\.timezone"):
        budget_in(name)
    with pytest.raises(InvalidFieldError, match=r"site\.timezone"):
        Site(id=SiteId("home"), name="Home", timezone=name)
    with pytest.raises(InvalidFieldError, match="timezone"):
        WeeklySchedule((Slot(0, 20.0),), name)


def test_a_place_that_is_refused_is_named_with_what_is_allowed() -> None:
    with pytest.raises(InvalidFieldError) as caught:
        check_timezone("budget.timezone", "localtime")
    assert (caught.value.field, caught.value.value) == ("budget.timezone", "localtime")
    assert "Europe/Paris" in caught.value.allowed


def test_every_zone_of_the_database_that_is_a_place_is_taken() -> None:
    names = zoneinfo.available_timezones() - set(NO_PLACES)
    assert len(names) > 300
    for name in sorted(names):
        check_timezone("budget.timezone", name)


def test_a_calendar_and_a_fleet_file_name_places_too() -> None:
    calendar = (
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;TZID=localtime:20260105T063000\nRRULE:FREQ=DAILY\nSUMMARY:20.5\n"
        "END:VEVENT\nEND:VCALENDAR\n"
    )
    with pytest.raises(InvalidFieldError, match="DTSTART"):
        schedule_of_ical(calendar, "Europe/Paris")
    assert schedule_of_ical(calendar.replace("localtime", "Europe/Paris"), "Europe/Paris").slots[0].value == 20.5
    mistakes = check_fleet_text('name = "f"\n\n[[site]]\nid = "home"\nname = "Home"\ntimezone = "posixrules"\n')
    assert [one.line for one in mistakes if "posixrules" in one.message] == [6]
