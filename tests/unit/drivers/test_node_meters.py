"""Given a node with RAPL counters, when these fail for a while, then the power curve stands in and no joule is lost."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ondol.drivers.power.nodes import NodeMeters
from ondol.drivers.power.rapl import RaplMeter
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId, SiteId, UnitId
from ondol.model.ledger import Tier
from ondol.model.power import PowerCurve
from ondol.model.site import Node, Site, Unit, UnitKind

N, S, U = NodeId("n"), SiteId("s"), UnitId("u")


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    folder = tmp_path / "intel-rapl:0"
    folder.mkdir()
    (folder / "name").write_text("package-0\n")
    (folder / "max_energy_range_uj").write_text("262143328850\n")
    (folder / "energy_uj").write_text("0\n")
    return folder / "energy_uj"


def meters(root: Path, time_scale: float = 1.0) -> NodeMeters:
    fleet = Fleet(
        name="f",
        sites=(Site(id=S, name="S"),),
        units=(Unit(id=U, site_id=S, kind=UnitKind.SERVER_RACK),),
        nodes=(Node(id=N, unit_id=U, curve=PowerCurve(50.0, 450.0), meter="rapl"),),
        sinks=(),
        circuits=(),
    )
    return NodeMeters(fleet, time_scale=time_scale, rapl=RaplMeter(root))


def test_the_span_begins_at_the_first_sample(counter: Path, tmp_path: Path) -> None:
    meter = meters(tmp_path, time_scale=60.0)
    counter.write_text("7000000")
    assert meter.sample(5000.0, {N: 0.0}) == ()
    counter.write_text("1007000000")
    (energy,) = meter.sample(5010.0, {N: 0.0})
    assert (energy.power_w, energy.energy_j, energy.tier) == (100.0, 60_000.0, Tier.T3_RAPL)


def test_the_curve_stands_in_while_counters_fail(
    counter: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    meter = meters(tmp_path)
    meter.sample(0.0, {N: 0.0})
    counter.rename(tmp_path / "away")
    with caplog.at_level(logging.WARNING):
        told = [meter.sample(at_s, {N: 0.0})[0] for at_s in (10.0, 20.0)]
    assert [(energy.energy_j, energy.tier) for energy in told] == [(500.0, Tier.T4_CURVE)] * 2
    assert len(caplog.records) == 1
    counter.write_text("9000000000")
    (energy,) = meter.sample(30.0, {N: 0.0})
    assert energy.tier is Tier.T4_CURVE  # what was counted during the gap is in the curve's figures already
    counter.write_text("11000000000")
    (energy,) = meter.sample(40.0, {N: 0.0})
    assert (energy.power_w, energy.tier) == (200.0, Tier.T3_RAPL)
