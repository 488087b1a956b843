"""Whatever the site: Σ jobs + Σ heat + unallocated = total in every view, and no part is negative."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.allocation import AllocationTerms, Burden, allocate, allocate_site

_amount = st.floats(min_value=0.0, max_value=1e7, allow_nan=False)
_share = st.floats(min_value=0.0, max_value=1.0)


@st.composite
def _burdens(draw: st.DrawFn) -> Burden:
    it_kwh = draw(_amount)
    energy_kwh = it_kwh * (1.0 + draw(_share))
    return Burden(
        total_g=draw(_amount),
        energy_kwh=energy_kwh,
        it_kwh=it_kwh,
        useful_heat_kwh=draw(st.none() | _share.map(lambda share: energy_kwh * share)),
        takings_eur=draw(st.none() | _amount),
    )


_terms = st.builds(
    AllocationTerms,
    supply_c=st.none() | st.floats(min_value=40.0, max_value=95.0),
    return_c=st.none() | st.floats(min_value=-10.0, max_value=40.0),
    reference_c=st.none() | st.floats(min_value=-30.0, max_value=45.0),
    heat_eur_per_kwh=st.none() | st.floats(min_value=0.0, max_value=10.0),
    compute_eur_per_kwh=st.none() | st.floats(min_value=0.0, max_value=100.0),
)


@given(
    jobs=st.lists(_burdens(), max_size=12),
    heat_only=st.none() | _burdens(),
    unallocated=st.none() | _burdens(),
    terms=_terms,
)
def test_every_view_of_a_site_conserves(
    jobs: list[Burden], heat_only: Burden | None, unallocated: Burden | None, terms: AllocationTerms
) -> None:
    for view in allocate_site(jobs, heat_only=heat_only, unallocated=unallocated, terms=terms):
        if view.unavailable:
            assert view.job_g is view.heat_g is view.unallocated_g is None
            continue
        assert view.residual <= 1e-9
        assert view.job_g is not None
        assert view.heat_g is not None
        assert view.unallocated_g is not None
        assert min(view.job_g, view.heat_g, view.unallocated_g) >= 0.0
        assert 0.0 <= (view.heat_share or 0.0) <= 1.0


@given(jobs=st.lists(_burdens(), min_size=1, max_size=8), terms=_terms)
def test_a_site_is_the_sum_of_its_jobs_own_views(jobs: list[Burden], terms: AllocationTerms) -> None:
    site = {view.method: view for view in allocate_site(jobs, terms=terms)}
    own = [{view.method: view for view in allocate(job, terms)} for job in jobs]
    for method, view in site.items():
        parts = [views[method].job_g for views in own]
        if view.job_g is None:
            assert any(part is None for part in parts)
        else:
            assert math.isclose(view.job_g, math.fsum(p for p in parts if p is not None), rel_tol=1e-9, abs_tol=1e-9)
