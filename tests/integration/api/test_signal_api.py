"""The heat signal over HTTP: who may read what, caches, calendar, events, widget."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx2
import pytest

from integration.api.memory_desk import ALICE, BOB, BOSS, MemoryDesk
from ondol.control.heat_signal import HeatSignals
from ondol.model.fleet import Fleet
from ondol.model.heat_signal import SignalTerms
from ondol.model.ids import AccountId, NodeId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.model.view import View
from ondol.server.app import create_api
from ondol.storage.heat_ports import SiteTerms
from unit.policy.views import NOW_S, UnitRow, World

HOMES = ("h1", "h2", "h3", "lone")
REGION = {"h1": "fr-idf", "h2": "fr-idf", "h3": "fr-idf", "lone": "fr-bre"}
DAY_S = [3600.0] * 48


def homes() -> Fleet:
    return Fleet(
        name="homes",
        sites=tuple(Site(id=SiteId(key), name=key, region=REGION[key]) for key in HOMES),
        units=tuple(
            Unit(id=UnitId(f"{key}-u"), site_id=SiteId(key), kind=UnitKind.DIGITAL_HEATER, zone_id=SinkId(f"{key}-r"))
            for key in HOMES
        ),
        nodes=tuple(
            Node(id=NodeId(f"{key}-u-n0"), unit_id=UnitId(f"{key}-u"), curve=PowerCurve(50, 450)) for key in HOMES
        ),
        sinks=tuple(Zone(id=SinkId(f"{key}-r"), site_id=SiteId(key), name=key) for key in HOMES),
    )


def view(now_s: float = NOW_S, demand_w: float | list[float] = 300.0) -> View:
    """Each home wants so much heat for two days, give or take a third."""
    high_w = None if isinstance(demand_w, list) else 1.3 * demand_w
    rows = [
        UnitRow(f"{key}-u", site=key, sink=f"{key}-r", demand_w=demand_w, demand_high_w=high_w, idle_w=50.0)
        for key in HOMES
    ]
    world = World(rows, grid=dict.fromkeys(HOMES, 50.0), stores=True, ahead_s=DAY_S, now_s=now_s)
    world.ahead_grid = {key: [50.0] * 48 for key in HOMES}
    return world.view()


class Stage:
    """The API of four homes, three of one region; what the loop decided on last is set by tests."""

    def __init__(self, folder: Path, **terms: object) -> None:
        self.desk = MemoryDesk(folder, fleet=homes())
        self.desk.at = dt.datetime.fromtimestamp(NOW_S, dt.UTC)
        self.view: View | None = view()
        fleet = dataclasses.replace(homes(), signal=SignalTerms(**terms))
        rights = self.desk.hosts.rights
        for key, host in (("h1", "alice"), ("h2", "bob")):
            rights.agree(SiteTerms(site_id=SiteId(key), hosts=(AccountId(host),)))
        hosts_of = lambda site: frozenset(rights.terms(site).hosts)  # noqa: E731
        self.signals = HeatSignals(fleet, hosts_of, lambda: self.view)
        self.app = create_api(self.desk, storage_url=None, signals=self.signals)

    def client(self, token: str = "") -> httpx2.Client:
        from starlette.testclient import TestClient

        return TestClient(self.app, headers={"Authorization": token} if token else {})


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    return Stage(tmp_path)


def test_a_region_is_told_with_48_hours_and_its_numbers(stage: Stage) -> None:
    answer = stage.client(ALICE).get("/signal/v1/fr-idf")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["area"], body["sites"], body["state"]) == ("fr-idf", 3, "heat_wanted")
    first, last = body["steps"][0], body["steps"][-1]
    # 300 W are needed, 50 W idle power gives; times three homes, of which the answer keeps two digits
    assert first["wanted_w"]["central"] == pytest.approx(750.0)
    assert first["wanted_w"]["low"] <= first["wanted_w"]["central"] <= first["wanted_w"]["high"]
    assert 0.5 < first["confidence"] <= 0.99
    assert first["grid_g_per_kwh"] == 50.0
    assert first["price_eur_per_kwh"] is None
    begun, ends = (dt.datetime.fromisoformat(one) for one in (first["start"], last["end"]))
    assert dt.timedelta(hours=47.75) <= ends - begun <= dt.timedelta(hours=48.25)
    assert all(a["end"] == b["start"] for a, b in itertools.pairwise(body["steps"]))
    hourly = stage.client(ALICE).get("/signal/v1/fr-idf", params={"step": "60"}).json()
    assert 48 <= len(hourly["steps"]) <= 49
    assert stage.client(ALICE).get("/signal/v1/fr-idf", params={"step": "7"}).status_code == 400


def test_a_single_home_is_withheld_and_said_to_be(stage: Stage) -> None:
    """Given one home in Brittany, then no list, region or country tells of it; its existence is said, not its heat."""
    client = stage.client(ALICE)
    body = client.get("/signal/v1").json()
    assert [area["area"] for area in body["areas"]] == ["fr-idf"]
    assert body["withheld"] == [{"region": "fr-bre", "reason": "fewer than 3 sites of different hosts"}]
    for region in ("fr-bre", "FR", "nowhere"):
        answer = client.get(f"/signal/v1/{region}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert "withheld" in client.get("/signal/v1/fr-bre").json()["detail"]
    assert "there are: fr-idf" in client.get("/signal/v1/nowhere").json()["detail"]


def test_when_homes_get_a_common_host_their_region_is_merged_or_withheld_at_once(stage: Stage) -> None:
    """Given two homes that get the same host, then both small regions are their country's; with two more, nobody's."""
    client, rights = stage.client(ALICE), stage.desk.hosts.rights
    assert client.get("/signal/v1/fr-idf").json()["area"] == "fr-idf"
    rights.agree(SiteTerms(site_id=SiteId("h2"), hosts=(AccountId("alice"),)))
    body = client.get("/signal/v1/fr-idf").json()
    assert (body["area"], body["asked"], body["sites"]) == ("FR", "fr-idf", 4)
    assert client.get("/signal/v1").json()["merged"] == {"fr-bre": "FR", "fr-idf": "FR"}
    rights.agree(SiteTerms(site_id=SiteId("h3"), hosts=(AccountId("alice"),)))
    assert client.get("/signal/v1/fr-idf").status_code == 404


def test_the_operator_may_only_raise_the_number_of_sites(tmp_path: Path) -> None:
    from ondol.model.errors import InvalidFieldError

    assert not Stage(tmp_path, least_sites=5).client(BOSS).get("/signal/v1").json()["areas"]
    with pytest.raises(InvalidFieldError, match="from 3"):
        SignalTerms(least_sites=2)


def test_a_site_is_told_to_its_hosts_and_the_operator_only(stage: Stage) -> None:
    for token, status in ((ALICE, 200), (BOSS, 200), (BOB, 404)):
        assert stage.client(token).get("/signal/v1/sites/h1").status_code == status
    body = stage.client(ALICE).get("/signal/v1/sites/h1").json()
    assert (body["sites"], body["steps"][0]["wanted_w"]["central"]) == (1, 250.0)
    assert stage.client().get("/signal/v1/sites/h1").status_code == 401


def test_without_the_switch_a_token_is_needed_with_it_none(tmp_path: Path) -> None:
    closed, opened = Stage(tmp_path / "a"), Stage(tmp_path / "b", public=True)
    for path in ("", "/fr-idf", "/fr-idf/calendar.ics", "/fr-idf/widget", "/stream"):
        assert closed.client().get(f"/signal/v1{path}").status_code == 401
    for path in ("", "/fr-idf", "/fr-idf/calendar.ics", "/fr-idf/widget"):
        answer = opened.client().get(f"/signal/v1{path}")
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
    assert opened.client().get("/signal/v1/sites/h1").status_code == 401


def test_an_answer_may_be_kept_and_is_asked_for_again_by_its_tag(stage: Stage) -> None:
    client = stage.client(ALICE)
    first = client.get("/signal/v1/fr-idf")
    assert re.fullmatch(r"private, max-age=\d+", first.headers["cache-control"])
    again = client.get("/signal/v1/fr-idf", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    stage.view = view(NOW_S + 600.0, demand_w=0.0)
    anew = client.get("/signal/v1/fr-idf", headers={"If-None-Match": first.headers["etag"]})
    assert anew.status_code == 200
    assert anew.headers["etag"] != first.headers["etag"]


def test_the_state_of_now_does_not_flap_and_what_was_said_outlives_the_platform(stage: Stage) -> None:
    """Given heat wanted, when demand goes for ten minutes, then it is still wanted; after a quarter it is not."""
    client = stage.client(ALICE)
    assert client.get("/signal/v1/fr-idf").json()["state"] == "heat_wanted"
    kept = stage.signals.documents()["heat.signal"]
    stage.view = view(NOW_S + 600.0, demand_w=0.0)
    assert client.get("/signal/v1/fr-idf").json()["state"] == "heat_wanted"
    restarted = HeatSignals(homes(), lambda _site: frozenset(), lambda: stage.view, kept=kept)
    assert restarted.of_region("fr-idf").now.state.value == "heat_wanted"
    stage.view = view(NOW_S + 1200.0, demand_w=0.0)
    assert client.get("/signal/v1/fr-idf").json()["state"] == "neutral"


def test_before_anything_was_decided_it_says_so(stage: Stage) -> None:
    stage.view = None
    assert stage.client(ALICE).get("/signal/v1").status_code == 503


def test_the_calendar_has_an_event_for_each_stretch(stage: Stage) -> None:
    """Given heat wanted for six hours a day from now on, then two events, well formed and in UTC."""
    stage.view = view(demand_w=([300.0] * 6 + [0.0] * 18) * 2)
    answer = stage.client(ALICE).get("/signal/v1/fr-idf/calendar.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    text = answer.text
    assert text.startswith("BEGIN:VCALENDAR\r\n")
    assert text.endswith("END:VCALENDAR\r\n")
    lines = text.split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    assert [line for line in lines if line.startswith("SUMMARY")] == ["SUMMARY:Heat wanted (fr-idf)"] * 2
    starts = [line for line in lines if line.startswith("DTSTART")]
    assert starts[0] == "DTSTART:20260112T064000Z"
    assert "UID:20260112T06-heat_wanted-fr-idf@ondol" in lines
    assert len({line for line in lines if line.startswith("UID")}) == 2
    for kind in ("UID", "DTSTAMP", "DTEND"):
        assert sum(line.startswith(kind) for line in lines) == 2


def test_a_calendar_fetched_again_updates_its_events_and_makes_no_new_ones(stage: Stage) -> None:
    """Given a feed fetched over an hour while heat goes on being wanted, then the event keeps UID and begin, its
    SEQUENCE never falls, and its stamp is that of the making."""

    def event() -> dict[str, str]:
        text = stage.client(ALICE).get("/signal/v1/fr-idf/calendar.ics").text.replace("\r\n ", "")
        first = text.split("BEGIN:VEVENT\r\n")[1]
        return dict(line.split(":", 1) for line in first.splitlines() if ":" in line)

    seen = []
    for minutes in (0, 6, 20, 50, 70):
        stage.view = view(NOW_S + 60.0 * minutes, [300.0] * 8 + [0.0] * 40)
        seen.append(event())
    assert len({one["UID"] for one in seen}) == 1
    assert len({one["DTSTART"] for one in seen}) == 1
    numbers = [int(one["SEQUENCE"]) for one in seen]
    assert numbers == sorted(set(numbers))
    assert [one["DTSTAMP"] for one in seen] == [one["LAST-MODIFIED"] for one in seen]
    assert seen[-1]["DTSTAMP"] == "20260112T075000Z"
    stage.view = view(NOW_S + 60.0 * 90, [0.0] * 12 + [300.0] * 36)
    assert event()["UID"] != seen[0]["UID"], "another stretch is another event"


@pytest.mark.parametrize("path", ["", "/fr-idf", "/fr-idf/widget", "/fr-idf/calendar.ics", "/quality"])
def test_head_answers_as_get_does_without_a_body(stage: Stage, path: str) -> None:
    client = stage.client(ALICE)
    got, head = client.get(f"/signal/v1{path}"), client.head(f"/signal/v1{path}")
    assert (head.status_code, head.content) == (200, b"")
    assert dict(head.headers) == dict(got.headers)
    if "etag" in got.headers:
        assert client.head(f"/signal/v1{path}", headers={"If-None-Match": got.headers["etag"]}).status_code == 304


def test_head_is_let_in_and_refused_as_get_is(stage: Stage) -> None:
    """Given no token, no such region, no GET there, then HEAD says so; of the stream only its headers come."""
    assert stage.client().head("/signal/v1/fr-idf").status_code == 401
    client = stage.client(ALICE)
    assert client.head("/signal/v1/atlantis").status_code == 404
    assert client.head("/tasks").status_code == client.get("/tasks").status_code
    assert client.head("/quotes/v1/x/accept").status_code == 405
    stream = client.head("/signal/v1/stream")
    assert (stream.status_code, stream.content) == (200, b"")
    assert stream.headers["content-type"].startswith("text/event-stream")


def test_how_often_it_came_true_is_told_to_who_may_read_the_signal(stage: Stage) -> None:
    """Given a day of hours that were noted, then areas tell of pairs by lead time; of a site its hosts are told."""
    begin = NOW_S - NOW_S % 3600.0
    for number in range(25):
        stage.view = view(begin + number * 3600.0, 300.0 if number < 20 else 0.0)
        stage.signals.note()
    (area,) = stage.client(ALICE).get("/signal/v1/quality").json()["areas"]
    assert (area["place"], area["since"], area["missed_hours"]) == ("fr-idf", "2026-01", 0)
    near, middle, far = area["leads"]
    assert near["lead_h"] == {"from": 1, "below": 6}
    assert near["compared"] == 24 + 22 + 20
    told = near["states"]["heat_wanted"]
    assert told["foretold"] - told["of_these_came"] == 5 + 4 + 3 - 3, "told before the last five hours, and not come"
    assert near["hit_rate"] == pytest.approx(1 - 9 / 66, abs=1e-3)
    assert middle["compared"] > 0
    assert far["compared"] == 1
    assert sum(row["compared"] for row in near["reliability"]) == 66
    one = stage.client(ALICE).get("/signal/v1/quality", params={"region": "fr-idf"}).json()
    assert one["areas"] == [area]
    assert stage.client(ALICE).get("/signal/v1/quality", params={"region": "fr-bre"}).status_code == 404
    assert stage.client().get("/signal/v1/quality").status_code == 401
    assert stage.client(ALICE).get("/signal/v1/sites/h1/quality").json()["leads"][0]["compared"] == 66
    assert stage.client(BOB).get("/signal/v1/sites/h1/quality").status_code == 404


def test_the_widget_loads_and_runs_nothing_and_says_in_words_what_it_shows(stage: Stage) -> None:
    answer = stage.client(ALICE).get("/signal/v1/fr-idf/widget")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy

    class Seen(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: list[tuple[str, dict[str, str | None]]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags.append((tag, dict(attrs)))

    seen = Seen()
    seen.feed(answer.text)
    names = {tag for tag, _ in seen.tags}
    assert not names & {"script", "link", "img", "iframe", "form"}
    assert not [attrs for _, attrs in seen.tags if "style" in attrs or any(key.startswith("on") for key in attrs)]
    (drawing,) = [attrs for tag, attrs in seen.tags if tag == "svg"]
    assert drawing["role"] == "img"
    assert "heat is wanted" in str(drawing["aria-label"])
    assert "Heat is wanted" in answer.text


def test_one_stream_too_many_is_asked_to_come_later(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    from ondol.server.api import signal_stream

    monkeypatch.setattr(signal_stream, "_places", signal_stream._Places(0))
    answer = stage.client(ALICE).get("/signal/v1/stream")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


def test_a_broker_is_given_what_http_answers(tmp_path: Path) -> None:
    """Given a broker in the fleet file, then each published area is its hourly answer; without one there is no link."""
    from ondol.control.signal_broker import signal_broker

    stage = Stage(tmp_path, mqtt_host="localhost")
    made = signal_broker(stage.signals, lambda: stage.desk.at)
    assert made is not None
    areas = {area: json.loads(payload) for area, payload in made._areas().items()}
    answer = stage.client(ALICE).get("/signal/v1/fr-idf", params={"step": "60"}).json()
    assert areas == {"fr-idf": {key: value for key, value in answer.items() if key != "asked"}}
    assert signal_broker(Stage(tmp_path / "other").signals, lambda: stage.desk.at) is None


def test_a_stream_tells_the_state_and_leaves_out_what_was_seen(tmp_path: Path) -> None:
    """Given a client that heard an event, when it comes back with the event's id, then it hears only newer ones."""
    from integration.api.conftest import serve_app

    stage = Stage(tmp_path)
    with serve_app(stage.app) as url, httpx2.Client(base_url=url, headers={"Authorization": ALICE}, timeout=10) as api:

        def first_event(headers: dict[str, str]) -> dict[str, str]:
            with api.stream("GET", "/signal/v1/stream", headers=headers) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                event: dict[str, str] = {}
                for line in answer.iter_lines():
                    key, _, value = line.partition(": ")
                    if key in ("id", "data", "event"):
                        event[key] = value
                    if not line and "data" in event:
                        return event
            raise AssertionError("no event came")

        heard = first_event({})
        assert heard["event"] == "signal"
        assert json.loads(heard["data"])["areas"][0]["state"] == "heat_wanted"
        stage.view = view(NOW_S + 2000.0, demand_w=0.0)
        newer = first_event({"Last-Event-ID": heard["id"]})
        assert newer["id"] != heard["id"]
        assert json.loads(newer["data"])["areas"][0]["state"] == "neutral"
        assert api.get("/signal/v1/stream", params={"region": "fr-bre"}).status_code == 404
