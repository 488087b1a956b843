"""The basis of an installation: which grams stand for a kilowatt-hour, hour by hour, site by site."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.accounting.basis import NAMES, Basis, Line, basis_for
from ondol.accounting.registry import Registry
from ondol.model.accounting_terms import BASES
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.factor import Mix, Scope
from ondol.model.ids import NodeId, SiteId, UnitId
from ondol.model.ledger import EnergyRow, Share, Tier
from ondol.model.site import Site
from ondol.signals.carbon import GridCarbon
from ondol.signals.factors import SERIES_SCOPE, SERIES_YEAR, packaged_registry, series_means
from unit.accounting.test_factor_table import factor

PARIS, GENT = Site(id=SiteId("paris"), name="P"), Site(id=SiteId("gent"), name="G", country="BE")


def made(name: str = "lca_levelled", *sites: Site) -> Basis:
    return basis_for(
        sites or (PARIS, GENT),
        packaged_registry(),
        name,
        series_mean_g_per_kwh=series_means(),
        series_year=SERIES_YEAR,
        series_scope=SERIES_SCOPE,
    )


def row(energy_j: float, g_per_kwh: float, site: str = "paris") -> EnergyRow:
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return EnergyRow(
        site_id=SiteId(site),
        unit_id=UnitId("u"),
        node_id=NodeId("n"),
        share=Share.JOB,
        start=start,
        end=start + dt.timedelta(hours=1),
        energy_j=energy_j,
        grid_g_per_kwh=g_per_kwh,
        tier=Tier.T4_CURVE,
    )


def test_the_names_of_the_fleet_file_are_those_of_the_basis() -> None:
    assert NAMES == BASES


def test_levelled_means_the_life_cycle_factor_over_the_year_and_varies_as_the_grid() -> None:
    basis, grid = made(), GridCarbon.load("FR")
    hours = grid.horizon(dt.datetime(2022, 1, 1, tzinfo=dt.UTC), 8760, 3600.0)
    counted = [basis.g_per_kwh(PARIS.id, float(hour)) for hour in hours]
    assert math.fsum(counted) / 8760 == pytest.approx(51.9, rel=1e-9)
    assert max(counted) - min(counted) == pytest.approx(float(hours.max() - hours.min()))
    assert basis.scope is Scope.LCA


def test_each_country_has_a_line_of_its_own_and_the_note_names_factors_and_version() -> None:
    basis = made()
    assert basis.lines[PARIS.id].offset_g_per_kwh == pytest.approx(51.9 - 24.0450847, abs=1e-6)
    assert basis.lines[GENT.id].offset_g_per_kwh == pytest.approx(138.107 - 42.42193, abs=1e-6)
    for word in ("electricity-fr-lca-average", "electricity-be-lca-average", "2022", "2026-"):
        assert word in basis.note


def test_annual_is_one_figure_in_every_hour_and_direct_is_what_was_recorded() -> None:
    assert made("lca_annual").g_per_kwh(PARIS.id, 12.0) == made("lca_annual").g_per_kwh(PARIS.id, 80.0) == 51.9
    direct = made("direct_hourly")
    assert direct.g_per_kwh(PARIS.id, 12.0) == 12.0
    assert direct.scope is Scope.DIRECT


def test_levelling_is_refused_where_the_series_lies_above_the_life_cycle_factor() -> None:
    with pytest.raises(InvalidFieldError, match=r"FR: the mean of its series, 60\.0 g/kWh, is above"):
        basis_for((PARIS,), packaged_registry(), "lca_levelled", series_mean_g_per_kwh={"FR": 60.0}, series_year=2022)


def test_levelling_is_refused_without_a_series_and_on_one_that_is_life_cycle_already() -> None:
    warsaw = Site(id=SiteId("w"), name="W", country="PL")
    with pytest.raises(InvalidFieldError, match="lca_annual for PL: it has no recorded series"):
        made("lca_levelled", warsaw)
    assert made("lca_annual", warsaw).g_per_kwh(warsaw.id, 0.0) == 661.926
    with pytest.raises(InvalidFieldError, match="where the series is lca"):
        basis_for(
            (PARIS,),
            packaged_registry(),
            series_mean_g_per_kwh={"FR": 24.0},
            series_year=2022,
            series_scope=Scope.LCA,
        )


def test_a_country_without_factor_and_a_name_that_is_none_are_refused() -> None:
    with pytest.raises(NotFoundError, match="electricity-jp-lca-average: there are life-cycle factors for AT, BE"):
        made("lca_annual", Site(id=SiteId("t"), name="T", country="JP"))
    with pytest.raises(InvalidFieldError, match="lca_levelled, lca_annual, direct_hourly"):
        made("lca")


@pytest.mark.parametrize("changes", [{"scope": Scope.DIRECT}, {"mix": Mix.MARKET}, {"unit": "kgCO2/kWh"}])
def test_an_own_row_of_another_footing_is_no_life_cycle_factor(changes: dict[str, object]) -> None:
    registry = Registry.of([factor("electricity-fr-lca-average", **changes)], version="1")
    with pytest.raises(InvalidFieldError, match="of scope lca and mix average"):
        basis_for((PARIS,), registry, "lca_annual", series_mean_g_per_kwh={}, series_year=2022)


def test_a_site_that_the_basis_does_not_know_is_refused_where_it_is_counted() -> None:
    with pytest.raises(InvalidFieldError, match="elsewhere"):
        made().g_of(row(3.6e6, 20.0, "elsewhere"))


@settings(max_examples=50)
@given(
    st.sampled_from(NAMES),
    st.lists(st.floats(0.0, 1e9), min_size=1, max_size=20),
    st.floats(0.0, 3000.0),
)
def test_grams_add_up_over_any_split_of_a_row(name: str, pieces: list[float], g_per_kwh: float) -> None:
    basis = made(name)
    whole = basis.g_of(row(math.fsum(pieces), g_per_kwh))
    assert math.fsum(basis.g_of(row(piece, g_per_kwh)) for piece in pieces) == pytest.approx(whole, rel=1e-9)


def test_a_line_is_recorded_or_constant_and_never_negative() -> None:
    with pytest.raises(InvalidFieldError):
        Line(0.5, 0.0)
    with pytest.raises(InvalidFieldError):
        Line(1.0, -1.0)
