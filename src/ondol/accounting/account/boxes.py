"""Comparisons that stand apart from the inventory: avoided emissions and the basket of functions, site by site.

What is refused, such as a counterfactual past its last day, is said in words; the statement goes on without that box.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np

from ondol.accounting.account.case import Case
from ondol.accounting.account.columns import Mask
from ondol.accounting.account.heaters import HEAT_PUMP, reference_heater, said
from ondol.accounting.account.statement import AvoidedAt, BasketAt, ByContract
from ondol.accounting.account.sums import J_PER_KWH, Sums, carbon_addends, sums
from ondol.accounting.avoided import ReferenceHeater, Span
from ondol.accounting.basket import DataCentre, Functions, basket
from ondol.accounting.counterfactual import avoided_by, contract_shares
from ondol.model.errors import OndolError
from ondol.model.factor import Factor, Scope
from ondol.model.ledger import Share
from ondol.model.site import Site

_NO_METER = "no heat meter: heat is left out, which is not zero"
_NOBODY = "its servers give their heat to nobody"


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """The subject at one site: its sums, its burden, and the site."""

    site: Site
    sums: Sums
    job_it_kwh: float
    operational: Span | None
    embodied: Span | None
    start: dt.datetime
    end: dt.datetime

    @property
    def burden(self) -> Span | None:
        """Operational and embodied together [gCO2e]; None where the band of one is not bounded below."""
        if self.operational is None or self.embodied is None:
            return None
        ran, made = self.operational, self.embodied
        return Span(g=ran.g + made.g, low_g=ran.low_g + made.low_g, high_g=ran.high_g + made.high_g)


def avoided_at(case: Case) -> tuple[AvoidedAt, ...]:
    """Give the box of every site of the subject: what its useful heat avoids, or why there is no such figure."""
    return tuple(_avoided(case, key) for key in case.sites)


def baskets_at(case: Case) -> tuple[BasketAt, ...]:
    """Give the comparison by functions of every site: with a data centre and a heat pump, and with its own heater."""
    found: list[BasketAt] = []
    for key in case.sites:
        place = _place(case, key)
        own = "" if isinstance(place, str) else place.site.reference_heater
        found += [_basket(case, key, place, heater_id) for heater_id in dict.fromkeys((HEAT_PUMP, own or HEAT_PUMP))]
    return tuple(found)


def _avoided(case: Case, key: str) -> AvoidedAt:
    place = _place(case, key)
    name = case.grounds.name(key)
    if isinstance(place, str):
        return AvoidedAt(site_id=key, site_name=name, useful_kwh=None, made=None, refused=place)
    site, useful_kwh = place.site, place.sums.useful_kwh

    def refused(why: str) -> AvoidedAt:
        return AvoidedAt(site_id=key, site_name=name, useful_kwh=useful_kwh, made=None, refused=why)

    if useful_kwh is None:
        return refused(_NOBODY if key in case.grounds.heatless else _NO_METER)
    part, rest = _while_it_stands(case, key, place)
    if part is not None and part.sums.useful_kwh is not None:
        place = part
    made = avoided_by(
        site,
        case.grounds.registry,
        case.grounds.basis,
        place.end,
        place.sums.useful_kwh or 0.0,
        start=place.start,
        uncertainty=case.grounds.heat_error.get(key, 0.0),
        burden=place.burden,
    )
    if isinstance(made, str):
        return refused(made)
    return AvoidedAt(
        site_id=key,
        site_name=name,
        useful_kwh=useful_kwh,
        made=made,
        contract=_by_contract(site, made.named),
        rest=rest,
    )


def _while_it_stands(case: Case, key: str, place: _Place) -> tuple[_Place | None, str]:
    """The subject in the time in which the reference heater stands for it, and in words what is left out.

    None where that is no part of the window, or all of it; heat of a row that reaches over its first or last moment is
    left out with the rest.
    """
    site, counted = place.site, case.places[key].counted
    rows = case.places[key].shared.rows
    stands = np.ones(len(counted), dtype=np.bool_)
    if site.reference_heater_until is not None:
        stands &= rows.end_s <= site.reference_heater_until.timestamp()
    if site.reference_heater_from is not None:
        stands &= rows.start_s >= site.reference_heater_from.timestamp()
    if not (counted & ~stands).any() or not (counted & stands).any():
        return None, ""
    part = _place(case, key, counted & stands)
    if isinstance(part, str) or part.sums.useful_kwh is None:
        return None, ""
    left_kwh = (place.sums.useful_kwh or 0.0) - part.sums.useful_kwh
    zone = ZoneInfo(site.timezone)
    ends = " and ".join(
        f"{word} {moment.astimezone(zone).date().isoformat()}"
        for word, moment in (("before", site.reference_heater_from), ("after", site.reference_heater_until))
        if moment is not None
    )
    return part, (
        f"{left_kwh:.6g} kWh of useful heat {ends} is in no such figure: its reference heater does not stand for it; "
        "for that time take a heat pump or district heat"
    )


def _by_contract(site: Site, saved: Span) -> ByContract | None:
    """View A6: what a contract gives to each side of what is avoided; None without one."""
    agreed = contract_shares(site)
    if agreed is None:
        return None
    heat, compute = agreed.of(saved)
    return ByContract(contract=agreed.contract, heat_share=agreed.heat, heat=heat, compute=compute)


def _basket(case: Case, key: str, place: _Place | str, heater_id: str) -> BasketAt:
    name, against = case.grounds.name(key), f"data centre and {said(heater_id)}"

    def refused(why: str) -> BasketAt:
        return BasketAt(site_id=key, site_name=name, heater_id=heater_id, against=against, made=None, refused=why)

    if isinstance(place, str):
        return refused(place)
    useful_kwh, terms = place.sums.useful_kwh, case.grounds.accounting
    grid = case.grounds.electricity(key)
    if useful_kwh is None or _was_not_there(place, heater_id):
        why = _NOBODY if key in case.grounds.heatless else _NO_METER
        return refused(why if useful_kwh is None else "this heater does not stand for all of the window")
    if place.operational is None or place.sums.it_kwh <= 0.0:
        return refused("no electricity of servers in the window")
    if grid is None or case.grounds.basis.scope is not Scope.LCA:
        return refused(f"the basis {case.grounds.basis.name} is not of the whole life cycle, as the other side is")
    try:
        hours = _in_these_hours(grid, place.sums)
        heater: ReferenceHeater = reference_heater(case.grounds.registry, heater_id, place.site.country, grid=hours)
        pump = reference_heater(case.grounds.registry, HEAT_PUMP, place.site.country)
        made = basket(
            Functions(
                it_kwh=place.sums.it_kwh,
                total_kwh=place.sums.total_kwh,
                useful_share=min(1.0, place.job_it_kwh / place.sums.it_kwh),
                efficiency_ratio=1.0,
                useful_heat_kwh=useful_kwh,
                operational=place.operational,
                embodied=place.embodied,
            ),
            DataCentre(
                name=f"data centre of PUE {terms.reference_pue:g} on the same grid in the same hours",
                pue=terms.reference_pue,
                electricity=hours,
                source=terms.reference_pue_source,
            ),
            heater,
            scop=pump.efficiency.value,
        )
    except OndolError as error:
        return refused(str(error))
    return BasketAt(
        site_id=key, site_name=name, heater_id=heater_id, against=f"{made.data_centre} and {made.heater}", made=made
    )


def _in_these_hours(grid: Factor, told: Sums) -> Factor:
    """Electricity of the other side as the platform's own was counted in the same hours, with the factor's range.

    Against the mean of the year, who takes less electricity would seem to do worse in winter and better in summer.
    """
    scale = told.counted_g / told.total_kwh / grid.g_per_kwh if grid.value > 0.0 else 1.0
    return dataclasses.replace(
        grid,
        id=f"{grid.id}-in-these-hours"[:63],
        value=grid.value * scale,
        low=grid.low * scale,
        high=grid.high * scale,
        note=f"{grid.id} at the mean intensity of what was used",
    )


def _was_not_there(place: _Place, heater_id: str) -> bool:
    """Whether a site's own heater had gone, or had not come yet, in some of the time."""
    begin, until = place.site.reference_heater_from, place.site.reference_heater_until
    if heater_id == HEAT_PUMP or heater_id != place.site.reference_heater:
        return False
    return (until is not None and place.end > until) or (begin is not None and place.start < begin)


def _place(case: Case, key: str, part: Mask | None = None) -> _Place | str:
    """The subject at one site, or a part of its rows there; or why nothing can be compared there."""
    site = case.grounds.sites.get(key)
    if site is None:
        return "the site is not in the fleet any more"
    place = case.places[key]
    shared, here = place.shared, place.counted if part is None else part
    rows = shared.rows
    told = place.sums if part is None else sums(shared, place.made, here)
    band = carbon_addends(shared, here, case.overhead_tier, case.factor, case.meter, settled=case.settled).band
    value, low, high = (1e3 * kg for kg in told.embodied["gwp"])
    known = told.known_share["gwp"] >= 1.0
    ended = rows.end_s[here]
    return _Place(
        site=site,
        sums=told,
        job_it_kwh=float(rows.energy_j[here & rows.of(Share.JOB)].sum()) / J_PER_KWH,
        operational=None if band.low is None else Span(g=band.value, low_g=band.low, high_g=band.high),
        embodied=Span(g=value, low_g=low, high_g=high) if known else None,
        start=dt.datetime.fromtimestamp(float(np.min(rows.start_s[here])), dt.UTC) if len(ended) else case.window.start,
        end=dt.datetime.fromtimestamp(float(np.max(ended)), dt.UTC) if len(ended) else case.window.end,
    )
