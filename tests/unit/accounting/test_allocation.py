"""Who bears what: vector V9 of reference/footprint.md §6, views that are not available, and what ran for heat alone."""

from __future__ import annotations

import pytest

from ondol.accounting.allocation import AllocationTerms, AllocationView, Burden, allocate, allocate_site, carnot
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
