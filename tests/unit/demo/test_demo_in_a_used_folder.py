"""Given a ledger with an earlier run, when the demonstration draws up its statement, then its own morning counts."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from ondol.demo.fleet import demo_fleet
from ondol.demo.run import make_bundle
from ondol.model.ledger import EnergyRow, Share, Tier
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Changes

BEGUN = dt.datetime(2022, 1, 26, 12, tzinfo=dt.UTC)


@pytest.fixture
def platform() -> Any:  # what `make_bundle` asks of a Platform, without its processes
    fleet, store = demo_fleet(), MemoryStore()
    node = fleet.nodes[0]
    unit = fleet.unit(node.unit_id)
    for start in (BEGUN - dt.timedelta(hours=5), BEGUN - dt.timedelta(seconds=20), BEGUN + dt.timedelta(seconds=40)):
        row = EnergyRow(
            site_id=unit.site_id,
            unit_id=unit.id,
            node_id=node.id,
            share=Share.IDLE,
            start=start,
            end=start + dt.timedelta(minutes=1),
            energy_j=3.6e6,
            grid_g_per_kwh=40.0,
            tier=Tier.T4_CURVE,
        )
        store.commit(Changes(ledger=(row,)))
    return SimpleNamespace(
        store=store, settings=SimpleNamespace(fleet=fleet), clock=SimpleNamespace(rate=60.0), grid_notes=()
    )


def test_rows_of_an_earlier_run_are_left_out(platform: Any) -> None:
    bundle = make_bundle(platform, "follow", BEGUN, used=True)
    assert bundle.fleet.figures.energy.it_kwh == pytest.approx(1.0)
    assert bundle.start >= BEGUN


def test_a_new_folder_counts_from_its_first_window(platform: Any) -> None:
    assert make_bundle(platform, "follow", BEGUN).fleet.figures.energy.it_kwh == pytest.approx(3.0)
