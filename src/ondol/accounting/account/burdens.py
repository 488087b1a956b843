"""Allocation views of a statement: by task and site, then summed: every level says the same of the same work."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ondol.accounting.account.case import Case, Place
from ondol.accounting.account.columns import SHARES, Codes, Floats, Mask
from ondol.accounting.account.sums import J_PER_KWH
from ondol.accounting.allocation import (
    NAMES,
    AllocationTerms,
    AllocationView,
    Burden,
    allocate_site,
    missing_view,
    sum_of,
)
from ondol.model.ledger import Share

_JOB, _HEAT, _IDLE = (SHARES.index(one) for one in (Share.JOB, Share.HEAT_ONLY, Share.IDLE))


def views(case: Case) -> tuple[AllocationView, ...]:
    """Give A0 to A3 of the subject's inventory: of each site by its own temperatures and prices, then their sum.

    Embodied carbon of unknown hardware is not in them, as it is not in the inventory; operational carbon is.
    """
    by_site = [_at(case, site) for site in case.sites]
    return tuple(_summed(method, case.sites, [views[rank] for views in by_site]) for rank, method in enumerate(NAMES))


def _at(case: Case, site: str) -> tuple[AllocationView, ...]:
    place = case.places[site]
    rows = place.shared.rows
    here = place.counted & (place.shared.it | place.shared.loose_overhead)
    terms = case.grounds.allocation.get(site, AllocationTerms())
    unmetered_kwh = 0.0 if site in case.grounds.heatless else None
    jobs = _burdens(place, here & (rows.share == _JOB), rows.task, unmetered_kwh)
    if case.subject.of_work:
        return allocate_site(jobs, terms=terms)
    nobody = np.zeros(len(rows), dtype=np.int64)
    filler = _burdens(place, here & (rows.share == _HEAT), nobody, unmetered_kwh)
    idle = _burdens(place, here & ((rows.share == _IDLE) | place.shared.loose_overhead), nobody, unmetered_kwh)
    gwp = case.grounds.equipment_per_h[site].gwp if site in case.grounds.equipment_per_h else None
    equipment_g = 0.0 if gwp is None else 1e3 * gwp.value * place.hours
    only = filler[0] if filler else None
    if equipment_g > 0.0:
        base = only or Burden(total_g=0.0, energy_kwh=0.0, it_kwh=0.0, useful_heat_kwh=0.0)
        only = Burden(
            total_g=base.total_g + equipment_g,
            energy_kwh=base.energy_kwh,
            it_kwh=base.it_kwh,
            useful_heat_kwh=base.useful_heat_kwh,
        )
    return allocate_site(jobs, heat_only=only, unallocated=idle[0] if idle else None, terms=terms)


def _burdens(place: Place, mask: Mask, key: Codes, unmetered_kwh: float | None) -> list[Burden]:
    """One burden for each value of a key; energy of overhead without nodes is its own.

    Parameters
    ----------
    unmetered_kwh : useful heat where no meter told any [kWh]; None where it is not known
    """
    shared, made = place.shared, place.made
    picked = key[mask]
    if not len(picked):
        return []
    values, rank = np.unique(picked, return_inverse=True)
    rank = rank.reshape(-1)

    def total(amount: Floats) -> Floats:
        return np.bincount(rank, weights=amount[mask], minlength=len(values)).astype(np.float64)

    gwp = made.by_criterion["gwp"][0]
    it_j = total(np.where(shared.it, shared.rows.energy_j, 0.0))
    all_j = total(shared.rows.energy_j + shared.overhead_j)
    grams = total(shared.counted_g + 1e3 * np.where(np.isfinite(gwp), gwp, 0.0))
    metered = total(np.isfinite(shared.useful_j).astype(np.float64)) > 0.0
    useful = total(np.where(np.isfinite(shared.useful_j), shared.useful_j, 0.0))
    return [
        Burden(
            total_g=float(grams[number]),
            energy_kwh=float(all_j[number]) / J_PER_KWH,
            it_kwh=float(it_j[number]) / J_PER_KWH,
            useful_heat_kwh=float(useful[number]) / J_PER_KWH if metered[number] else unmetered_kwh,
        )
        for number in range(len(values))
    ]


def _summed(method: str, sites: Sequence[str], found: Sequence[AllocationView]) -> AllocationView:
    gaps = [(site, view.unavailable) for site, view in zip(sites, found, strict=True) if view.unavailable]
    if gaps:
        where = ", ".join(site for site, _ in gaps[:3]) + (f" and {len(gaps) - 3} more" if len(gaps) > 3 else "")
        return missing_view(method, math.fsum(view.total_g for view in found), f"{gaps[0][1]} ({where})")
    return sum_of(method, found)
