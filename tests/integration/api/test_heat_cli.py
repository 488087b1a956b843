"""Given a host at a terminal, when it sets and asks, then it is told what was requested, accepted and measured."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.api.conftest import serve
from integration.api.host_sites import two_sites
from integration.api.memory_desk import ALICE, BOSS, T0, MemoryDesk
from ondol.agent.orders import AlarmNote, HygieneStatus, SiteOrders
from ondol.cli.main import run
from ondol.model.alarm import Severity
from ondol.model.ids import SinkId, SiteId

Ondol = Callable[..., str]


@pytest.fixture
def desk(tmp_path: Path) -> MemoryDesk:
    return MemoryDesk(tmp_path, fleet=two_sites())


@pytest.fixture
def ondol(desk: MemoryDesk, capsys: pytest.CaptureFixture[str]) -> Iterator[Ondol]:
    with serve(desk) as url:

        def call(*line: str, code: int = 0, token: str = ALICE) -> str:
            capsys.readouterr()
            ended = run(["heat", *line, "--url", url, "--token", token])
            said = capsys.readouterr()
            assert ended == code, said.out + said.err
            return said.out + said.err

        call("hosts", "home", "alice@example.org", "--tariff", "0.25", token=BOSS)
        yield call


def test_a_host_sets_boosts_turns_off_and_goes_back(ondol: Ondol, desk: MemoryDesk) -> None:
    said = ondol("set", "room", "21.5", "--until", "3h")
    for words in ("requested", "21.5 °C until", "03:00", "accepted", "measured", "19.4 °C"):
        assert words in said
    desk.at += dt.timedelta(minutes=1)
    assert "boost until" in ondol("boost", "room")
    desk.at += dt.timedelta(minutes=1)
    seen = json.loads(ondol("preset", "room", "eco", "--json"))
    assert seen["accepted"]["setpoint_c"] == 17.0
    desk.at += dt.timedelta(minutes=1)
    assert "frost protection only" in ondol("off", "room", "--until", "2026-01-12T09:00")
    desk.at += dt.timedelta(minutes=1)
    assert "20.0 °C" in ondol("back", "room")
    assert "hard limit" in ondol("set", "room", "50", code=1)
    assert "No such sink: elsewhere" in ondol("set", "elsewhere", "20", code=1)
    assert "may set its heat" in ondol("set", "n-room", "20", code=1)


def test_a_host_gives_a_schedule_and_asks_for_heat(ondol: Ondol, tmp_path: Path) -> None:
    assert "counts now" in ondol("schedule", "room", "all@00:00=17", "mon-fri@06:30=19.5")
    calendar = tmp_path / "week.ics"
    event = "DTSTART:20260105T000000\nRRULE:FREQ=DAILY\nSUMMARY:Day 18.5"
    calendar.write_text(f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{event}\nEND:VEVENT\nEND:VCALENDAR\n")
    made = json.loads(ondol("schedule", "room", "--ical", str(calendar), "--json"))
    assert made["value_now"] == 18.5
    assert "mon-fri@06:30=20" in ondol("schedule", "room", code=1)
    assert "DAYS@HH:MM=VALUE" in ondol("schedule", "room", "noon", code=1)
    assert "accepted" in ondol("request", "tank", "--energy-kwh", "4.5", "--by", "3h", "--id", "bath")
    assert "4.5" in ondol("requests")
    assert "cancelled by alice@example.org" in ondol("cancel", "bath")
    assert "one of --setpoint" in ondol("request", "tank", code=1)


def test_a_guarantee_is_proposed_by_the_host_and_agreed_by_the_operator(ondol: Ondol) -> None:
    ask = ("request", "room", "--setpoint", "20", "--guaranteed-kwh", "6", "--if-missed", "backup", "--firm")
    made = json.loads(ondol(*ask, "--id", "cosy", "--json"))
    assert (made["firm"], made["guarantee"]["state"]) == (True, "proposed")
    assert "proposed" in ondol("requests")
    assert "Only the operator" in ondol("agree", "cosy", code=1)
    assert "agreed" in ondol("agree", "cosy", token=BOSS)
    assert "is agreed" in ondol("agree", "cosy", "--decline", code=1, token=BOSS)


def test_a_host_sees_alarms_and_exports_what_is_kept(ondol: Ondol, desk: MemoryDesk, tmp_path: Path) -> None:
    note = AlarmNote(entity_id="tank", code="sensor-lost", severity=Severity.FAULT, text="look at the cable")
    status = HygieneStatus(sink_id=SinkId("tank"), coldest_c=61.0, above_s=((60.0, 60.0),), kept=True, due_at=None)
    orders = SiteOrders(now=T0, dt_s=1.0, units=(), nodes=(), sinks=(), hygiene=(status,), alarms=(note,))
    desk.hosts.books.note(SiteId("home"), orders)
    desk.at = T0 + dt.timedelta(hours=2)
    assert "look at the cable" in ondol("alarms")
    alarm = ondol("alarms", "--quiet").strip()
    assert "seen by alice@example.org" in ondol("ack", alarm)
    assert ondol("hygiene", "tank", "2026-01").splitlines()[1].startswith("home,tank,1,2026-01-12T00:00:00+00:00,61.0,")
    page = tmp_path / "january.html"
    assert "written" in ondol("statement", "home", "2026-01", "--as", "html", "--to", str(page))
    assert "This month is not whole" in page.read_text()
    assert "0.00 €" in ondol("statement", "home", "2026-01")
    assert "site,sink,date" in ondol("statement", "home", "2026-01", "--as", "csv")
    assert "2026-01-12" in ondol("deliveries", "home")
    assert "tank.temperature.1" in ondol("points", "--site", "home")
    assert "alice@example.org" in ondol("hosts", "home")
    assert "Only the operator" in ondol("hosts", "home", "bob@example.org", code=1)
