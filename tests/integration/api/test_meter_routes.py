"""Given sites with electricity meters, when people look at them, then each finds own sites' rows and how sums stand."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from integration.api.conftest import serve
from integration.api.host_sites import two_sites
from integration.api.memory_desk import ALICE, BOSS, MemoryDesk
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.ids import NodeId, SiteId, UnitId
from ondol.model.ledger import EnergyRow, LedgerFact, LedgerRow, Metered, MeterRow, Share, Tier
from ondol.storage.ports import Changes

QUARTER = dt.timedelta(minutes=15)


def rows_of(site: str, start: dt.datetime) -> tuple[LedgerRow, ...]:
    return tuple(
        EnergyRow(
            site_id=SiteId(site), unit_id=UnitId(f"{site}-u"), node_id=NodeId(f"{site}-n"), share=Share.IDLE,
            start=start + n * QUARTER, end=start + (n + 1) * QUARTER, energy_j=100.0, grid_g_per_kwh=50.0,
            tier=Tier.T4_CURVE,
        )
        for n in range(2)
    )  # fmt: skip


def metered(site: str, start: dt.datetime, *amounts: float) -> tuple[LedgerFact, ...]:
    return tuple(
        MeterRow(
            site_id=SiteId(site), meter_id=f"{site}.electric_meter", kind=Metered.ELECTRICITY_J,
            start=start + n * QUARTER, end=start + (n + 1) * QUARTER, amount=amount,
        )
        for n, amount in enumerate(amounts)
    )  # fmt: skip


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    desk = MemoryDesk(tmp_path, fleet=two_sites())
    start = desk.at
    ledger = (*rows_of("home", start), *rows_of("next", start))
    facts = (*metered("home", start, 125.0, 950.0), *metered("next", start, 100.0))
    desk.store.commit(Changes(ledger=ledger, facts=facts))
    with serve(desk) as served:
        boss = httpx2.Client(base_url=served, headers={"Authorization": BOSS})
        for site, host in (("home", "alice"), ("next", "bob")):
            boss.put(f"/heat/v1/sites/{site}/terms", json={"hosts": [f"{host}@example.org"]}).raise_for_status()
        boss.close()
        yield served


def get(url: str, token: str, path: str) -> httpx2.Response:
    with httpx2.Client(base_url=url, headers={"Authorization": token}, timeout=10) as client:
        return client.get(path)


def test_meters_are_those_of_sites_that_the_caller_sees(url: str) -> None:
    own = get(url, ALICE, "/ledger/v1/meters").json()
    assert [(row["site_id"], row["kind"], row["amount"], row["tier"]) for row in own["data"]] == [
        ("home", "electricity_j", 125.0, "T1"),
        ("home", "electricity_j", 950.0, "T1"),
    ]
    assert get(url, BOSS, "/ledger/v1/meters").json()["total"] == 3
    assert get(url, ALICE, "/ledger/v1/meters?site=next").status_code == 404


def test_the_residual_is_told_with_what_could_not_be_scaled(url: str) -> None:
    told = get(url, BOSS, "/ledger/v1/reconciliation").json()
    home, neighbour = told["sites"]
    # Of home's two windows the second asks for 9.5 times what was recorded: it stays, and is named.
    assert (home["subject"], home["windows"], home["refused"], home["factor"]) == ("home", 2, 1, 1.25)
    assert home["residual_raw"] == pytest.approx(-0.2)
    assert abs(home["residual_after"]) < 1e-12
    assert home["findings"][0]["kind"] == "meter"
    assert (neighbour["subject"], neighbour["residual_raw"], neighbour["findings"]) == ("next", 0.0, [])
    assert told["without_meter"] == []
    alone = get(url, ALICE, "/ledger/v1/reconciliation").json()
    assert [one["subject"] for one in alone["sites"]] == ["home"]


def test_a_site_without_a_meter_is_named_and_not_zero(tmp_path: Path) -> None:
    desk = MemoryDesk(tmp_path, fleet=two_sites())
    desk.store.commit(Changes(ledger=rows_of("home", desk.at)))
    with serve(desk) as served:
        told = get(served, BOSS, "/ledger/v1/reconciliation").json()
    assert (told["sites"], told["without_meter"], told["silent"]) == ([], ["home", "next"], [])


def test_a_bound_meter_of_which_nothing_came_is_told(tmp_path: Path) -> None:
    base = two_sites()
    bound = dataclasses.replace(
        base,
        connections=(*base.connections, Connection(id="plant", site_id=SiteId("home"), driver="push")),
        bindings=(*base.bindings, Binding(entity_id="home", point="electric_meter", connection_id="plant")),
    )
    desk = MemoryDesk(tmp_path, fleet=bound)
    with serve(desk) as served:
        assert get(served, BOSS, "/ledger/v1/reconciliation").json()["silent"] == ["home.electric_meter"]
        desk.store.commit(Changes(facts=metered("home", desk.at, 5.0)))
        assert get(served, BOSS, "/ledger/v1/reconciliation").json()["silent"] == []
