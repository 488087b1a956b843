"""`/ledger/v1/factors` and `/ledger/v1/hardware`: every caller may see what carbon is counted with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from integration.api.conftest import serve
from integration.api.memory_desk import ALICE, MemoryDesk, small_fleet
from ondol.model.fleet import Fleet
from ondol.model.hardware_parts import Hardware


def described() -> Fleet:
    import dataclasses

    kind = Hardware(specification="virtual", archetype="dell-r740", lifetime_h=43_800.0)
    fleet = small_fleet()
    nodes = tuple(dataclasses.replace(n, cpu_model="odd") if n.id == "heater-1" else n for n in fleet.nodes)
    return dataclasses.replace(fleet, nodes=nodes, hardware=(kind,))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx2.Client]:
    desk = MemoryDesk(tmp_path, fleet=described())
    with serve(desk) as url, httpx2.Client(base_url=url, headers={"Authorization": ALICE}) as made:
        yield made


def test_factors_are_given_with_version_hash_and_basis(client: httpx2.Client) -> None:
    answer = client.get("/ledger/v1/factors?group=electricity&geography=FR").json()
    assert len(answer["digest"]) == 64
    assert answer["own_digest"] is None
    assert answer["basis"]["name"] == "lca_levelled"
    assert answer["version"] in answer["basis"]["note"]
    row = next(row for row in answer["data"] if row["id"] == "electricity-fr-lca-average")
    assert (row["value"], row["low"], row["high"], row["unit"]) == (51.9, 41.4, 98.0, "gCO2e/kWh")
    assert (row["scope"], row["mix"], row["heating"], row["own"]) == ("lca", "average", "none", False)
    assert row["source"]
    assert {row["geography"] for row in answer["data"]} == {"FR"}


def test_one_factor_by_id_and_a_hint_for_another(client: httpx2.Client) -> None:
    assert client.get("/ledger/v1/factors/carrier-gas-hhv-fr").json()["factor"]["heating"] == "hhv"
    missing = client.get("/ledger/v1/factors/carrier-gas")
    assert missing.status_code == 404
    assert "carrier-gas-hhv-fr" in missing.text


def test_hardware_gives_ranges_an_hour_and_names_what_nobody_described(client: httpx2.Client) -> None:
    answer = client.get("/ledger/v1/hardware").json()
    (kind,) = answer["data"]
    assert (kind["specification"], kind["method"], kind["lifetime_h"]) == ("virtual", "archetype dell-r740", 43_800.0)
    assert kind["making"] == {"gwp": {"value": 1200.0, "low": 634.0, "high": 2102.0}, "adpe": None, "pe": None}
    assert kind["per_hour"]["gwp"]["value"] == pytest.approx(1200 / 43_800)
    assert answer["unknown"] == {"odd": 'no [[hardware]] with specification = "odd" in the fleet file'}


def test_who_has_no_token_sees_nothing(client: httpx2.Client) -> None:
    for path in ("factors", "factors/carrier-gas-hhv-fr", "hardware"):
        assert client.get(f"/ledger/v1/{path}", headers={"Authorization": "no"}).status_code == 401
