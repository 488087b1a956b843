"""Given a calendar, when it is read, then it is the week that a person sees in it; what cannot be is named by line."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.model.errors import InvalidFieldError
from ondol.model.schedule import Slot, daily
from ondol.storage.fleet_file import check_fleet_text, fleet_to_toml, load_fleet
from ondol.storage.ical import schedule_of_ical


def calendar(*events: str, rest: str = "") -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0"] + ([f"X-ONDOL-VALUE:{rest}"] if rest else [])
    for event in events:
        lines += ["BEGIN:VEVENT", *event.strip().split("\n"), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR"]) + "\r\n"


WORK = """DTSTART:20260105T063000
DTEND:20260105T220000
RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR
SUMMARY:Comfort 20.5 °C"""
EVERY_MINUTE = f"""DTSTART:20260105T000000
RRULE:FREQ=DAILY;BYHOUR={",".join(map(str, range(24)))};BYMINUTE={",".join(map(str, range(60)))}
X-ONDOL-VALUE:20"""


def test_events_of_working_days_stand_on_the_resting_value() -> None:
    week = schedule_of_ical(calendar(WORK, rest="16"), "Europe/Paris")
    assert week.timezone == "Europe/Paris"
    assert week.slots == tuple(
        slot for day in range(5) for slot in (Slot(day * 1440 + 390, 20.5), Slot(day * 1440 + 1320, 16.0))
    )


def test_events_without_an_end_hold_until_the_next() -> None:
    morning = "DTSTART:20260105T060000\nRRULE:FREQ=DAILY\nX-ONDOL-VALUE:20"
    night = "DTSTART:20260105T220000\nRRULE:FREQ=DAILY\nSUMMARY:Night 16,5"
    assert schedule_of_ical(calendar(morning, night), "UTC") == daily(((360, 20.0), (1320, 16.5)), "UTC")


def test_an_event_over_sunday_midnight_goes_on_into_monday() -> None:
    late = "DTSTART:20260110T230000\nDURATION:PT3H\nRRULE:FREQ=WEEKLY;BYDAY=SU\nX-ONDOL-VALUE:21"
    week = schedule_of_ical(calendar(late, rest="17"), "UTC")
    assert week.slots == (Slot(120, 17.0), Slot(6 * 1440 + 1380, 21.0))


def test_a_later_event_lies_over_an_earlier_one() -> None:
    day = "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY\nX-ONDOL-VALUE:18"
    bath = "DTSTART:20260109T190000\nDTEND:20260109T203000\nRRULE:FREQ=WEEKLY\nSUMMARY:Bath 24"
    week = schedule_of_ical(calendar(day, bath), "UTC")
    assert week.slots == (Slot(4 * 1440 + 1140, 24.0), Slot(4 * 1440 + 1230, 18.0))


def test_times_of_another_zone_are_converted() -> None:
    utc = "DTSTART:20260105T060000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY\nX-ONDOL-VALUE:21"
    named = "DTSTART;TZID=Asia/Seoul:20260105T150000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY\nX-ONDOL-VALUE:21"
    both = [schedule_of_ical(calendar(one, rest="17"), "Europe/Paris") for one in (utc, named)]
    assert both[0] == both[1]
    assert both[0].at(dt.datetime(2026, 1, 12, 6, 30, tzinfo=dt.UTC)) == 21.0


def test_folded_lines_are_one_line() -> None:
    folded = WORK.replace("BYDAY=MO,TU", "BYDAY=MO,\n TU")
    assert schedule_of_ical(calendar(folded, rest="16"), "UTC") == schedule_of_ical(calendar(WORK, rest="16"), "UTC")


@pytest.mark.parametrize(
    ("text", "field", "allowed"),
    [
        (calendar(WORK), "line 3, VEVENT", "no gap"),
        (calendar(WORK.replace("FREQ=WEEKLY", "FREQ=MONTHLY"), rest="16"), "line 7, RRULE", "FREQ=WEEKLY"),
        (calendar(WORK + "\nRRULE:FREQ=DAILY", rest="16"), "line 9, RRULE", "once only"),
        (calendar(WORK.replace("BYDAY", "COUNT=3;BYDAY"), rest="16"), "line 7, RRULE", "without COUNT"),
        (calendar(WORK.replace("BYDAY", "INTERVAL=2;BYDAY"), rest="16"), "line 7, RRULE", "without INTERVAL"),
        (calendar(WORK.replace("MO,TU", "XX"), rest="16"), "line 7, RRULE", "FREQ=WEEKLY"),
        (calendar(WORK.replace("20.5 °C", ""), rest="16"), "line 8, SUMMARY", "one number"),
        (calendar(WORK.replace("T063000", "T2563"), rest="16"), "line 5, DTSTART", "a time like"),
        (calendar(WORK.replace("DTEND:20260105", "DTEND:20260104"), rest="16"), "line 6, DTEND", "after the beginning"),
        (calendar(WORK, rest="warm"), "line 3, X-ONDOL-VALUE", "one number"),
        (calendar(WORK.split("\n", 1)[1], rest="16"), "line 4, VEVENT", "a line DTSTART"),
        (calendar(rest="16"), "ical", "at least one VEVENT"),
        (calendar(WORK).replace("END:VCALENDAR\r\n", ""), "ical", "END:VCALENDAR"),
        (calendar(WORK).replace("VERSION:2.0", "VERSION 2.0"), "line 2", "NAME:VALUE"),
        ("x" * 300_000, "ical", "at most"),
        (calendar(WORK + "\nEXDATE:20260106T063000", rest="16"), "line 9, EXDATE", "no exceptions"),
        (calendar(WORK.replace("20260105", "99991231"), rest="16"), "line 7, RRULE", "FREQ=WEEKLY"),
        (calendar(WORK.replace("DTEND:20260105T220000", "DURATION:P9W" + "9" * 5000)), "line 5, DURATION", "an end"),
        (calendar(WORK.replace("DTEND:20260105T220000", "DURATION:P99999999W")), "line 5, DURATION", "an end"),
        (calendar(EVERY_MINUTE), "ical", "at most 2016 times"),
        (calendar(*[EVERY_MINUTE] * 400), "ical", "at most 2016 times"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_week_is_named_by_its_line(text: str, field: str, allowed: str) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        schedule_of_ical(text, "Europe/Paris")
    assert field in refused.value.field
    assert allowed in refused.value.allowed


FLEET = """
[fleet]
name = "f"
[[site]]
id = "home"
name = "Home"
[[zone]]
id = "room"
site = "home"
name = "Room"
[[unit]]
id = "heater"
site = "home"
kind = "digital_heater"
zone = "room"
[[node]]
unit = "heater"
ids = ["n"]
idle_w = 20
max_w = 200
[[request]]
id = "warm"
target = "room"
"""


def test_a_fleet_file_takes_calendars_energy_and_guarantees() -> None:
    text = FLEET + f'ical = """{calendar(WORK, rest="16")}"""\nguaranteed_c = 15.0\nif_missed = "backup"\n'
    text += '[[request]]\nid = "bath"\ntarget = "room"\nkind = "energy"\nenergy_kwh = 4.5\nby = 2026-01-15T08:00:00Z\n'
    fleet = load_fleet(text, "fleet.toml")
    assert load_fleet(fleet_to_toml(fleet), "again.toml") == fleet
    bath, warm = fleet.requests
    assert warm.schedule == schedule_of_ical(calendar(WORK, rest="16"), "Europe/Paris")
    assert (warm.guaranteed_c, warm.if_missed) == (15.0, "backup")
    assert (bath.energy_kwh, bath.by) == (4.5, dt.datetime(2026, 1, 15, 8, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('ical = "BEGIN:VCALENDAR"', "END:VCALENDAR"),
        ('setpoint_c = 20\nical = "x"', "only one of them is allowed"),
        ('kind = "energy"\nsetpoint_c = 20\nenergy_kwh = 1\nby = 2026-01-15T08:00:00Z', "left out where kind"),
        ('kind = "energy"\nenergy_kwh = 1', "the time by which"),
        ("setpoint_c = 20\nvalid_until = 2026-01-15T08:00:00", "a time with its zone"),
    ],
)
def test_a_fleet_file_names_what_is_wrong_with_them(lines: str, said: str) -> None:
    mistakes = check_fleet_text(FLEET + lines + "\n")
    assert any(said in str(one) for one in mistakes), mistakes
