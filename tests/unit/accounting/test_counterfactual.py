"""What a site's operator put down as its reference heater, with the packaged factors: used, or refused in words."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.accounting.account.heaters import reference_heater
from ondol.accounting.avoided import Avoided
from ondol.accounting.basis import Basis, Line
from ondol.accounting.counterfactual import avoided_by
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import Heating, Scope
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
    return avoided_by(site, packaged_registry(), basis(scope), END, 8.652, start=END - dt.timedelta(days=31))


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
        ({"reference_heater_from": END - dt.timedelta(days=3)}, "was not there yet"),
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


def test_a_heater_that_goes_before_it_comes_is_refused_by_the_site() -> None:
    with pytest.raises(InvalidFieldError, match="before reference_heater_until"):
        dataclasses.replace(SITE, reference_heater_from=SITE.reference_heater_until)
    with pytest.raises(InvalidFieldError, match="its zone"):
        dataclasses.replace(SITE, reference_heater_from=dt.datetime(2020, 1, 1))  # noqa: DTZ001  # that is the point
    with pytest.raises(InvalidFieldError, match="together with reference_heater"):
        Site(id=SiteId("s"), name="s", reference_heater_from=END)


@pytest.mark.parametrize(("row", "value"), [("heater-heat-pump-radiators-55", 0.0), ("heater-electric-radiator", 0.01)])
def test_a_heat_pump_without_a_seasonal_performance_is_refused(row: str, value: float) -> None:
    """Given an own row of a heater with an efficiency that none can have, then nothing is compared with it."""
    registry = packaged_registry()
    wrong = dataclasses.replace(registry.rows[row], value=value, low=value, high=value)
    rows = {**registry.rows, row: wrong}
    with pytest.raises(InvalidFieldError, match="efficiency"):
        reference_heater(dataclasses.replace(registry, rows=rows), row, "FR")


def test_an_efficiency_on_another_calorific_basis_than_its_fuel_is_refused() -> None:
    """Given a boiler's efficiency by higher heating value, as its plate may have it, and a fuel by lower, then no."""
    registry = packaged_registry()
    key = "heater-gas-condensing-collective"
    other = {Heating.LHV: Heating.HHV, Heating.HHV: Heating.LHV}[registry.rows[key].heating]
    rows = {**registry.rows, key: dataclasses.replace(registry.rows[key], heating=other)}
    with pytest.raises(InvalidFieldError, match="calorific basis"):
        reference_heater(dataclasses.replace(registry, rows=rows), key, "FR")
