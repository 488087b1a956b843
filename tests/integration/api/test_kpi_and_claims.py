"""Given heat and work in the ledger, when operator, hosts and others ask, then each finds what it may see and claim."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from integration.api.conftest import serve
from integration.api.host_sites import two_sites
from integration.api.memory_desk import ALICE, BOB, BOSS, T0, MemoryDesk
from ondol.cli.main import run
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId, SinkId, SiteId, TaskId, UnitId
from ondol.model.ledger import EnergyRow, HeatRow, Share, Tier
from ondol.server.api import kpi_routes
from ondol.storage.ports import Changes

QUARTER = dt.timedelta(minutes=15)
KWH = 3.6e6
DAY = 96
SIRET = "73282932000074"
PERIOD = {"from": "2026-01-12T00:00:00Z", "to": "2026-01-13T00:00:00Z"}


def reporting_fleet() -> Fleet:
    """Two sites of one company, one with a reference heater and a SIRET."""
    fleet = two_sites()
    home = dataclasses.replace(
        fleet.sites[0],
        legal_entity="Warm SAS",
        siret=SIRET,
        reference_heater="heater-gas-condensing-collective",
        reference_heater_until=dt.datetime(2030, 1, 1, tzinfo=dt.UTC),
        reference_heater_evidence="heat contract 12",
        market_g_per_kwh=10.0,
        market_evidence="GO of 2026",
    )
    return dataclasses.replace(fleet, sites=(home, dataclasses.replace(fleet.sites[1], legal_entity="Warm SAS")))


def fill(desk: MemoryDesk) -> None:
    """A day of both sites: 1 kWh of servers a quarter, and of the home's heat meter 0.8 kWh that were asked for."""
    rows: list[EnergyRow | HeatRow] = []
    for site, unit, node, sink in (("home", "heater", "heater-1", "room"), ("next", "n-heater", "n-node", "n-room")):
        for number in range(DAY):
            start, end = T0 + number * QUARTER, T0 + (number + 1) * QUARTER
            for share, kwh in ((Share.JOB, 1.0), (Share.OVERHEAD, 0.02)):
                own = share is Share.JOB
                rows.append(
                    EnergyRow(
                        site_id=SiteId(site), unit_id=UnitId(unit) if own else None,
                        node_id=NodeId(node) if own else None, share=share, start=start, end=end, energy_j=kwh * KWH,
                        grid_g_per_kwh=40.0, tier=Tier.T3_RAPL, task_id=TaskId("a-task") if own else None,
                    )
                )  # fmt: skip
            if site == "home":
                rows.append(
                    HeatRow(
                        site_id=SiteId(site), unit_id=UnitId(unit), sink_id=SinkId(sink), start=start, end=end,
                        electric_j=KWH, delivered_j=0.9 * KWH, demanded_j=0.8 * KWH, temp_c=20.0, setpoint_c=20.0,
                        lower_c=19.0, upper_c=21.0, discomfort_kh=0.0,
                    )
                )  # fmt: skip
    desk.store.commit(Changes(ledger=tuple(rows)))
    desk.at = T0 + dt.timedelta(days=2)


@dataclasses.dataclass
class Place:
    """The API, and who asks it."""

    url: str
    desk: MemoryDesk
    boss: httpx2.Client
    alice: httpx2.Client
    bob: httpx2.Client


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    desk = MemoryDesk(tmp_path, fleet=reporting_fleet())
    fill(desk)
    with serve(desk) as url:
        clients = [
            httpx2.Client(base_url=url, headers={"Authorization": token}, timeout=20) for token in (BOSS, ALICE, BOB)
        ]
        for site, host in (("home", "alice"), ("next", "bob")):
            answer = clients[0].put(f"/heat/v1/sites/{site}/terms", json={"hosts": [f"{host}@example.org"]})
            assert answer.status_code == 200, answer.text
        yield Place(url, desk, *clients)
        for client in clients:
            client.close()


@pytest.fixture
def ondol(place: Place, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*line: str, code: int = 0, token: str = BOSS) -> str:
        capsys.readouterr()
        ended = run([*line, "--url", place.url, "--token", token])
        said = capsys.readouterr()
        assert ended == code, said.out + said.err
        return said.out + said.err

    return call


def test_a_host_sees_the_key_figures_of_its_site_and_of_no_other(place: Place) -> None:
    made = place.alice.get("/ledger/v1/kpi", params={"site": "home", **PERIOD}).json()
    figures = {one["id"]: one for one in made["kpis"]}
    assert made["period"] == "interim"
    assert figures["pue"]["value"] == pytest.approx(1.02)
    assert figures["erf"]["value"] == pytest.approx(0.8 / 1.02)
    assert figures["wue"]["value"] is None
    assert figures["wue"]["undefined"]
    assert made["flows"]["reuse_kwh"] == pytest.approx(76.8)
    assert made["basis"] == "lca_levelled"
    assert made["scope_2"]["location_g"] == pytest.approx(97.92 * 40.0)
    assert made["scope_2"]["market_g"] == pytest.approx(97.92 * 10.0)
    assert place.alice.get("/ledger/v1/kpi", params={"site": "next", **PERIOD}).status_code == 404
    assert place.alice.get("/ledger/v1/kpi", params=PERIOD).status_code == 403
    assert place.bob.get("/ledger/v1/kpi/thresholds", params=PERIOD).status_code == 403
    assert place.boss.get("/ledger/v1/kpi", params={"site": "nowhere"}).status_code == 404
    late = place.boss.get("/ledger/v1/kpi", params={"site": "home", "from": "2020-01-01T00:00:00Z"})
    assert late.status_code == 400
    assert "by a year at most" in late.text


def test_entity_and_fleet_are_ratios_of_sums_and_name_who_has_no_heat_meter(place: Place) -> None:
    for query in ({"entity": "Warm SAS"}, {}):
        made = place.boss.get("/ledger/v1/kpi", params={**query, **PERIOD}).json()
        figures = {one["id"]: one for one in made["kpis"]}
        assert made["sites"] == ["home", "next"]
        assert figures["erf"]["value"] == pytest.approx(0.8 / 2.04)
        assert made["flows"]["unmetered_sites"] == ["next"]
        # the site without a contract is at the location-based average, and that is said
        assert made["scope_2"]["market_g"] == pytest.approx(97.92 * 50.0)
        assert "location-based average" in made["scope_2"]["note"]
    answer = place.boss.get("/ledger/v1/kpi", params={"entity": "Cold SA", **PERIOD})
    assert answer.status_code == 404
    assert "Warm SAS" in answer.text


def test_the_eu_table_as_json_and_as_a_sheet(place: Place, ondol: Callable[..., str], tmp_path: Path) -> None:
    query = {"site": "home", "floor_m2": 4.5, **PERIOD}
    made = place.boss.get("/ledger/v1/kpi/eu-2024-1364", params=query).json()
    assert not made["applies"]
    assert "W_IN" in made["unknown"]
    sheet = tmp_path / "eu.csv"
    ondol("kpi", "eu-export", "--site", "home", "--from", PERIOD["from"], "--to", PERIOD["to"], "--csv", str(sheet),
          "--floor-m2", "4.5")  # fmt: skip
    lines = {row["symbol"]: row for row in csv.DictReader(io.StringIO(sheet.read_text()))}
    assert {one["symbol"] for one in made["fields"]} == set(lines)
    assert float(lines["E_REUSE"]["value"]) == pytest.approx(76.8)
    assert lines["S_DC"]["value"] == "4.5"
    assert lines["W_IN"]["value"] == ""
    assert lines["W_IN"]["unknown_because"]
    assert place.alice.get("/ledger/v1/kpi/eu-2024-1364", params=query).status_code == 403


def test_thresholds_and_figures_at_the_terminal(ondol: Callable[..., str]) -> None:
    span = ("--from", PERIOD["from"], "--to", PERIOD["to"])
    said = ondol("kpi", "thresholds", *span)
    assert SIRET in said
    assert "next" in said
    assert "energy reuse factor" in ondol("kpi", "site", "home", *span)
    assert json.loads(ondol("kpi", "fleet", *span, "--json"))["kind"] == "fleet"
    assert "Warm SAS" in ondol("kpi", "entity", "Warm SAS", *span)


def test_every_table_of_key_figures_fits_a_small_terminal(ondol: Callable[..., str]) -> None:
    span = ("--from", PERIOD["from"], "--to", PERIOD["to"])
    for line in (
        ("site", "home"),
        ("fleet",),
        ("entity", "Warm SAS"),
        ("eu-export", "--site", "home"),
        ("thresholds",),
    ):
        said = ondol("kpi", *line, *span)
        assert max(len(row) for row in said.splitlines()) <= 80, line
    said = " ".join(ondol("kpi", "site", "home", *span).split())
    assert "iteesv: not known: no server has a benchmark: state [[benchmark]] in the fleet file" in said
    assert "cer: not known: home has no meter of the heat that cooling removes" in said
    assert "work run for heat alone is another software and the heat's" in said


def test_what_is_declared_counts_and_is_said_to_be_declared(place: Place, ondol: Callable[..., str]) -> None:
    query = {"site": "home", **PERIOD, "inflow": "diesel_l:1:323:backup", "contract": "goo:10:0:EECS 1;ppa:5:0:a PPA"}
    made = place.boss.get("/ledger/v1/kpi", params=query).json()
    figures = {one["id"]: one["value"] for one in made["kpis"]}
    assert figures["pue"] == pytest.approx((97.92 + 9.9) / 96.0)
    assert figures["ref"] == pytest.approx(15.0 / (97.92 + 9.9))
    assert any("Declared by who asks" in note for note in made["notes"])
    assert made["scope_2"]["market_g"] == pytest.approx(82.92 * 40.0)
    table = place.boss.get("/ledger/v1/kpi/eu-2024-1364", params=query).json()
    fields = {one["symbol"]: one["value"] for one in table["fields"]}
    assert (fields["E_DC-BG"], fields["E_RES-GOO"], fields["E_RES-PPA"]) == pytest.approx((9.9, 10.0, 5.0))
    span = ("--from", PERIOD["from"], "--to", PERIOD["to"])
    assert "1.123" in ondol("kpi", "site", "home", *span, "--inflow", "diesel_l:1:323")
    inside = place.boss.get(
        "/ledger/v1/kpi", params={"site": "home", **PERIOD, "heat_pump": "inside", "heat_pump_kwh": 40.0}
    ).json()
    lifted = {one["id"]: one["value"] for one in inside["kpis"]}
    assert lifted["erf"] == pytest.approx((76.8 + 40.0) / (97.92 + 40.0))
    assert lifted["ere"] == pytest.approx((97.92 - 76.8) / 96.0), "ERE does not know where the heat pump stands"
    assert "stands inside" in inside["boundary"]["text"]
    said = ondol("kpi", "site", "home", *span, "--partial", "--heat-pump", "outside", "--heat-pump-kwh", "40")
    assert "pPUE" in said
    lost = place.boss.get("/ledger/v1/kpi", params={"site": "home", **PERIOD, "heat_pump_kwh": 40.0})
    assert lost.status_code == 400, "a heat pump that the boundary does not know"
    for wrong in ("coal:1:1", "diesel_l:much:1", "diesel_l:-1:1", "diesel_l:1"):
        answer = place.boss.get("/ledger/v1/kpi", params={"site": "home", **PERIOD, "inflow": wrong})
        assert answer.status_code == 400, answer.text
        assert "inflow" in answer.text


def test_what_cannot_be_is_refused_by_name_before_any_figure_is_made(place: Place) -> None:
    """Given a time before all times, and a data centre of no size at all, when figures are asked for, then 400."""
    first = place.boss.get("/ledger/v1/kpi", params={"to": "0001-01-01T00:00:00Z"})
    assert (first.status_code, first.json()["field"]) == (400, "to")
    for name, value in (
        ("floor_m2", "nan"),
        ("floor_m2", "-1"),
        ("battery_kw", "inf"),
        ("waste_heat_c", "-300"),
        ("refrigerants", ""),
    ):
        answer = place.boss.get("/ledger/v1/kpi/eu-2024-1364", params={**PERIOD, name: value})
        assert (answer.status_code, answer.json().get("field")) == (400, name), answer.text
    rooms = {**PERIOD, "floor_m2": "10", "computer_room_m2": "11"}
    assert "at most floor_m2" in place.boss.get("/ledger/v1/kpi/eu-2024-1364", params=rooms).json()["detail"]


def test_who_comes_while_two_years_are_summed_up_is_told_when_to_ask_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given large windows, when many ask for them at once, then other requests find a thread still."""
    for name, value in (("_PATIENCE_S", 0.01), ("_room", threading.BoundedSemaphore(2))):
        with monkeypatch.context() as less:
            less.setattr(f"ondol.server.api.kpi_routes.{name}", value)
            with kpi_routes._turn(), kpi_routes._turn():
                answer = place.boss.get("/ledger/v1/kpi", params=PERIOD)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert place.boss.get("/ledger/v1/kpi", params=PERIOD).status_code == 200


def test_a_kilowatt_hour_is_claimed_once_over_http(place: Place) -> None:
    claim = {"site": "home", **PERIOD, "holder": "Ann", "share": 0.5}
    first = place.boss.post("/ledger/v1/claims", json=claim)
    assert first.status_code == 201, first.text
    made = first.json()
    assert made["kwh"] == pytest.approx(38.4)
    assert made["avoided"]["g"] == pytest.approx(38.4 * 239.0 / 0.8, rel=1e-2)
    assert made["avoided"]["reference"].startswith("gas condensing")
    # the rest by its host, for itself only
    answer = place.alice.post("/ledger/v1/claims", json=claim)
    assert answer.status_code == 403
    own = claim | {"holder": "Alice", "holder_email": "alice@example.org", "from": "2026-01-12T06:00:00Z"}
    assert place.alice.post("/ledger/v1/claims", json=own).status_code == 201
    # and then no more of these hours
    answer = place.boss.post("/ledger/v1/claims", json=claim)
    assert answer.status_code == 409
    assert made["id"] in answer.text
    assert "Alice" in answer.text
    assert "free" in answer.text
    listed = place.alice.get("/ledger/v1/claims", params={"site": "home", **PERIOD}).json()
    assert len(listed["data"]) == 2
    assert listed["period"]["whole"]
    assert listed["period"]["claimed_kwh"] == pytest.approx(38.4 + 0.5 * 76.8 * 0.75)


def test_a_neighbour_neither_sees_nor_claims_and_withdrawn_heat_is_free_again(place: Place) -> None:
    claim = {"site": "home", **PERIOD, "holder": "Ann"}
    key = place.boss.post("/ledger/v1/claims", json=claim).json()["id"]
    assert place.bob.get("/ledger/v1/claims").json() == {"data": []}
    for answer in (
        place.bob.post("/ledger/v1/claims", json=claim),
        place.bob.get(f"/ledger/v1/claims/{key}"),
        place.bob.get(f"/ledger/v1/claims/{key}/clause"),
        place.bob.post(f"/ledger/v1/claims/{key}/withdraw", json={"reason": "no"}),
        place.bob.get("/ledger/v1/claims", params={"site": "home", **PERIOD}),
    ):
        assert answer.status_code == 404, answer.text
    gone = place.boss.post(f"/ledger/v1/claims/{key}/withdraw", json={"reason": "sold"}).json()
    assert gone["withdrawn"]["reason"] == "sold"
    assert place.boss.post("/ledger/v1/claims", json=claim).status_code == 201


_WRONG: tuple[tuple[dict[str, object], str], ...] = (
    ({"share": 1.5}, "share"),
    ({"share": 0}, "share"),
    ({"to_kwh": 100.0}, "to_kwh"),
    ({"from_kwh": -1.0}, "from_kwh"),
    ({"from": "2026-01-12T00:07:00Z"}, "from"),
    ({"to": "2026-01-14T00:00:00Z"}, "to"),
    ({"holder": ""}, "holder"),
    ({"id": "NO ID"}, "id"),
    ({"colour": "red"}, "colour"),
)


def test_bad_claims_are_refused_by_name_and_nothing_is_written(place: Place) -> None:
    for wrong, named in _WRONG:
        answer = place.boss.post("/ledger/v1/claims", json={"site": "home", **PERIOD, "holder": "Ann"} | wrong)
        assert answer.status_code in (400, 422), answer.text
        assert named in answer.text
    assert place.desk.store.claim_rows() == ()


def test_claims_at_the_terminal(ondol: Callable[..., str]) -> None:
    span = ("--from", PERIOD["from"], "--to", PERIOD["to"])
    said = ondol("claims", "add", "home", *span, "--holder", "Ann", "--to-kwh", "10", "--key", "one")
    assert "one: Ann claims 10" in said
    assert "compared with gas condensing" in said
    assert "claims 10" in ondol("claims", "add", "home", *span, "--holder", "Ann", "--to-kwh", "10", "--key", "one")
    listed = ondol("claims", "list", "home", *span)
    assert "free: 10" in listed
    assert "nobody changed the register" in " ".join(listed.split())
    assert max(map(len, listed.splitlines())) <= 80, listed
    text = " ".join(ondol("claims", "clause", "one").split())
    assert "Ann (the holder) claims all of the useful heat of Home" in text
    told = json.loads(ondol("claims", "clause", "one", "--json"))
    assert told["text"].split() == text.split()
    assert told["seal"] in text
    assert (told["claim"]["id"], told["claim"]["withdrawn"]) == ("one", None)
    assert "claimed already" in ondol("claims", "add", "home", *span, "--holder", "Eve", code=1)
    assert "withdrawn" in ondol("claims", "withdraw", "one", "--reason", "a mistake")
    assert "withdrawn" in ondol("claims", "list")
