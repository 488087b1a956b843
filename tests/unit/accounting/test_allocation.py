"""Who bears what: vector V9 of reference/footprint.md §6, views that are not available, and what ran for heat alone."""

from __future__ import annotations

import pytest

from ondol.accounting.allocation import (
    AllocationTerms,
    AllocationView,
    Burden,
    allocate,
    allocate_site,
    carnot,
    sum_of,
)
from ondol.model.errors import InvalidFieldError

_JOB = Burden(total_g=784.57, energy_kwh=10.3, it_kwh=10.0, useful_heat_kwh=8.652, takings_eur=1.50)
_TERMS = AllocationTerms(supply_c=65.0, return_c=55.0, reference_c=5.0, heat_eur_per_kwh=0.08)


def _views(views: tuple[AllocationView, ...]) -> dict[str, AllocationView]:
    return {view.method: view for view in views}


@pytest.mark.parametrize(
    ("method", "share", "job_kg", "heat_kg"),
    [
        ("A0", 0.0, 0.78457, 0.0),
        ("A1", 0.84, 0.1255312, 0.6590388),
        ("A2", 0.1249842, 0.6865111, 0.0980589),
        ("A3", 0.3157434, 0.5368472, 0.2477228),
    ],
)
def test_v9(method: str, share: float, job_kg: float, heat_kg: float) -> None:
    view = _views(allocate(_JOB, _TERMS))[method]
    assert view.heat_share == pytest.approx(share, abs=5e-8)
    assert view.job_g == pytest.approx(job_kg * 1000, abs=5e-5)
    assert view.heat_g == pytest.approx(heat_kg * 1000, abs=5e-5)
    assert view.residual < 1e-12


def test_v9_factors_of_the_heat() -> None:
    views = _views(allocate(_JOB, _TERMS))
    assert views["A0"].heat_g_per_kwh == 0.0
    assert views["A1"].heat_g_per_kwh == pytest.approx(76.17, abs=5e-3)
    assert views["A2"].heat_g_per_kwh == pytest.approx(11.33, abs=5e-3)
    assert carnot(65.0, 55.0, 5.0) == pytest.approx(0.1650908, abs=5e-8)


def test_what_is_not_known_makes_a_view_unavailable_and_says_why() -> None:
    views = _views(allocate(_JOB, AllocationTerms()))
    assert "temperatures" in views["A2"].unavailable
    assert "price of heat" in views["A3"].unavailable
    assert views["A2"].job_g is None
    assert views["A2"].heat_g is None
    assert views["A1"].job_g is not None


def test_without_a_heat_meter_only_the_inventory_line_is_there() -> None:
    views = _views(allocate(Burden(total_g=100.0, energy_kwh=1.0, it_kwh=1.0), _TERMS))
    assert views["A0"].job_g == 100.0
    assert views["A0"].heat_g_per_kwh is None
    assert all("not metered" in views[method].unavailable for method in ("A1", "A2", "A3"))


def test_heat_from_before_the_window_is_not_clamped() -> None:
    views = _views(allocate(Burden(total_g=100.0, energy_kwh=1.0, it_kwh=1.0, useful_heat_kwh=1.2), _TERMS))
    assert "stores gave back" in views["A1"].unavailable


def test_what_a_store_gave_back_beyond_a_jobs_electricity_is_of_the_rest_of_its_site() -> None:
    # given a long job that charged a store, and a short one while the store gave back more than came in
    charged = Burden(total_g=1000.0, energy_kwh=10.0, it_kwh=10.0, useful_heat_kwh=7.0)
    lucky = Burden(total_g=100.0, energy_kwh=1.0, it_kwh=1.0, useful_heat_kwh=2.5)
    # when the site's views are made
    site = _views(allocate_site([charged, lucky], terms=_TERMS))["A1"]
    # then they are there, no part bears more than itself, and the heat bears what ERF says of such alike parts
    assert site.heat_share == pytest.approx(9.5 / 11.0)
    assert site.heat_g == pytest.approx(1100.0 * 9.5 / 11.0)
    assert site.heat_kwh == pytest.approx(9.5)
    assert site.residual < 1e-12
    # and alone, or where all together gave more than came in, there is still no view
    assert "stores gave back" in _views(allocate(lucky))["A1"].unavailable
    hot = Burden(total_g=1000.0, energy_kwh=10.0, it_kwh=10.0, useful_heat_kwh=9.0)
    assert "stores gave back" in _views(allocate_site([hot, lucky]))["A1"].unavailable


def test_heat_no_warmer_than_outdoors_has_no_exergy_view() -> None:
    terms = AllocationTerms(supply_c=20.0, return_c=18.0, reference_c=25.0)
    assert "not warmer" in _views(allocate(_JOB, terms))["A2"].unavailable
    with pytest.raises(InvalidFieldError, match="above its surroundings"):
        carnot(20.0, 18.0, 25.0)


def test_work_for_heat_alone_is_the_heats_in_every_view_and_idle_servers_stay_named() -> None:
    # given a job, a filler run for heat, and servers that idled
    filler = Burden(total_g=50.0, energy_kwh=1.0, it_kwh=0.97, useful_heat_kwh=0.9)
    idle = Burden(total_g=30.0, energy_kwh=0.6, it_kwh=0.58, useful_heat_kwh=0.3)
    # when the site's views are made
    views = _views(allocate_site([_JOB], heat_only=filler, unallocated=idle, terms=_TERMS))
    # then the inventory view gives the job its own, the heat its filler, and nobody the idle part
    a0 = views["A0"]
    assert (a0.job_g, a0.heat_g, a0.unallocated_g) == pytest.approx((784.57, 50.0, 30.0))
    # and a job's own view is the site's view of it
    assert views["A1"].job_g == pytest.approx(_views(allocate(_JOB, _TERMS))["A1"].job_g)
    assert views["A1"].unallocated_g == pytest.approx(15.0)
    assert all(view.residual < 1e-12 for view in views.values())


def test_v13_a_site_of_100_kg_of_which_heat_bears_30() -> None:
    view = _views(allocate(Burden(total_g=100_000.0, energy_kwh=100.0, it_kwh=100.0, useful_heat_kwh=30.0)))["A1"]
    assert (view.job_g, view.heat_g) == pytest.approx((70_000.0, 30_000.0))


def test_the_absurd_is_refused_by_name() -> None:
    with pytest.raises(InvalidFieldError, match=r"burden\.energy_kwh"):
        Burden(total_g=1.0, energy_kwh=0.9, it_kwh=1.0)
    with pytest.raises(InvalidFieldError, match=r"burden\.useful_heat_kwh"):
        Burden(total_g=1.0, energy_kwh=1.0, it_kwh=1.0, useful_heat_kwh=-0.1)
    with pytest.raises(InvalidFieldError, match=r"allocation\.return_c"):
        AllocationTerms(supply_c=40.0, return_c=50.0)


def test_a_fleets_view_is_sums_and_ratios_of_sums_whatever_the_prices_of_its_sites() -> None:
    # given a site that sells its heat and one that gives it away, the latter with a filler
    sold = allocate(Burden(total_g=100.0, energy_kwh=2.0, it_kwh=2.0, useful_heat_kwh=1.0, takings_eur=0.08), _TERMS)
    given = allocate_site(
        [Burden(total_g=300.0, energy_kwh=5.0, it_kwh=5.0, useful_heat_kwh=4.0, takings_eur=1.0)],
        heat_only=Burden(total_g=0.0, energy_kwh=0.0, it_kwh=0.0, useful_heat_kwh=0.0),
        terms=AllocationTerms(heat_eur_per_kwh=0.0),
    )
    # when they are put together
    both = sum_of("A3", [_views(sold)["A3"], _views(given)["A3"]])
    # then heat that bears nothing is still heat, and dilutes the factor
    assert (both.total_g, both.heat_g, both.heat_kwh) == pytest.approx((400.0, 50.0, 5.0))
    assert both.heat_g_per_kwh == pytest.approx(10.0)
    assert both.heat_share == pytest.approx(50.0 / 400.0)
    assert both.residual < 1e-12


def test_what_ran_for_heat_alone_is_no_share_that_a_method_gives() -> None:
    filler = Burden(total_g=60.0, energy_kwh=1.0, it_kwh=1.0, useful_heat_kwh=1.0)
    site = allocate_site([Burden(total_g=40.0, energy_kwh=1.0, it_kwh=1.0, useful_heat_kwh=0.5)], heat_only=filler)
    for method, share in (("A0", 0.0), ("A1", 0.5)):
        fleet = sum_of(method, [_views(site)[method]] * 2)
        assert fleet.heat_share == _views(site)[method].heat_share == pytest.approx(share)
        assert fleet.heat_only_g == pytest.approx(120.0)
