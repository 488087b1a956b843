"""What a site's operator put down as its reference heater, with the packaged factors: used, or refused in words."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.accounting.avoided import Avoided
from ondol.accounting.basis import Basis, Line
from ondol.accounting.counterfactual import avoided_by
from ondol.model.factor import Scope
from ondol.model.ids import SiteId
from ondol.model.site import Site
from ondol.signals.factors import packaged_registry

END = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
SITE = Site(
    id=SiteId("home"),
    name="Home",
    reference_heater="heater-gas-condensing-collective",
    reference_heater_until=dt.datetime(2030, 1, 1, tzinfo=dt.UTC),
    reference_heater_evidence="heat contract 12",
)


def basis(scope: Scope = Scope.LCA) -> Basis:
    return Basis("lca_levelled" if scope is Scope.LCA else "direct_hourly", scope, {SITE.id: Line(1.0, 5.0)}, "a note")


def box(site: Site, scope: Scope = Scope.LCA) -> Avoided | str:
    return avoided_by(site, packaged_registry(), basis(scope), END, 8.652)


@pytest.mark.parametrize(
    ("heater", "kg"),
    [
        ("heater-gas-condensing-collective", 2.584785),
        ("heater-oil-collective", 3.9360507),
        ("heater-electric-radiator", 0.4677488),
        ("heater-heat-pump-radiators-55", 0.1615247),
        ("heater-pellet-boiler-collective", 0.2848829),
        ("heater-district-delivered", 0.977676),
    ],
)
def test_v9_with_the_packaged_factors(heater: str, kg: float) -> None:
    made = box(dataclasses.replace(SITE, reference_heater=heater))
    assert isinstance(made, Avoided)
    assert made.named.g / 1000 == pytest.approx(kg, rel=1e-3)  # 0.215 HHV × 1.111 is 0.238865, the vector says 0.239
    assert made.heat_pump.g / 1000 == pytest.approx(0.1615247, rel=1e-6)
    assert made.named.low_g <= made.named.g <= made.named.high_g


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"reference_heater": "", "reference_heater_until": None, "reference_heater_evidence": ""},
            "no reference heater",
        ),
        ({"reference_heater_evidence": ""}, "nothing shows"),
        ({"reference_heater_until": None}, "until when"),
        ({"reference_heater_until": END - dt.timedelta(days=1)}, "heat pump or district heat"),
        ({"reference_heater": "heater-of-dreams"}, "heater-of-dreams"),
    ],
)
def test_what_is_not_said_or_over_is_refused_in_words(changes: dict[str, object], why: str) -> None:
    said = box(dataclasses.replace(SITE, **changes))  # type: ignore[arg-type]
    assert isinstance(said, str)
    assert why in said


def test_direct_emissions_are_not_set_against_a_whole_life_cycle() -> None:
    said = box(SITE, Scope.DIRECT)
    assert isinstance(said, str)
    assert "whole life cycle" in said
