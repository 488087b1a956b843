"""Key figures of declared sites, each by itself and all together: ratios of sums, as from a ledger."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ondol.accounting.boundary import Boundary, HeatPump, Inflow
from ondol.accounting.kpi_extras import Declared, Extras
from ondol.accounting.kpi_figures import Kpi, key_figures
from ondol.accounting.kpi_flows import Flows
from ondol.accounting.kpi_set import lifted
from ondol.accounting.scope_two import Contract, ScopeTwo, scope_two, scope_two_sum, stated_factor
from ondol.accounting.worksheet.place_checks import check_each_once, check_place
from ondol.accounting.worksheet.sheet import Place
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import Factor
from ondol.model.ids import SiteId

_UNMETERED = "No heat is stated, so none of it is counted though its electricity is"
_ANY_YEAR = dt.date(2026, 1, 1).year  # a factor row has one; none is looked at here


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFigures:
    """Figures of one site, or of all together.

    Parameters
    ----------
    e_dc_kwh, e_it_kwh : sums behind the ratios, a heat pump inside the boundary among the former [kWh]
    reuse_kwh, handed_over_kwh : useful heat, and all that was handed over [kWh]; None without a heat meter
    carbon_g : of every carrier [gCO2e]; None where an electricity factor is not stated
    notes : what a reader has to know, e.g. which sites have no heat meter
    """

    name: str
    e_dc_kwh: float
    e_it_kwh: float
    reuse_kwh: float | None
    handed_over_kwh: float | None
    carbon_g: float | None
    kpis: tuple[Kpi, ...]
    scope_two: ScopeTwo | None
    boundary: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """A site's flows with a heat pump inside counted in, and what was declared of it."""

    flows: Flows
    extras: Extras
    boundary: Boundary
    scope_two: ScopeTwo | None
    graded: bool
    said: str


def place_figures(places: Sequence[Place]) -> tuple[PlaceFigures, ...]:
    """Give the figures of each site, and behind them those of all together where there are several.

    Raises InvalidFieldError where the numbers are impossible: PUE below 1, more reuse than energy, negative energy.
    """
    counted = [_counted(place) for place in places]
    found = [_figures(place.name, one) for place, one in zip(places, counted, strict=True)]
    if len(places) > 1:
        check_each_once("sites.name", [place.name for place in places])
        found.append(_figures("all together", _together([place.name for place in places], counted)))
    return tuple(found)


def _figures(name: str, one: _Counted) -> PlaceFigures:
    kpis = key_figures(one.flows, one.boundary, one.extras, short=False)
    if not one.graded:
        why = "no factor of the electricity is stated (g_per_kwh)"
        kpis = tuple(
            dataclasses.replace(kpi, value=None, undefined=why) if kpi.id in ("cue", "sci") else kpi for kpi in kpis
        )
    unmetered = ", ".join(one.flows.unmetered_sites)
    # Server figures rest on single machines, which no worksheet states.
    kpis = tuple(kpi for kpi in kpis if not kpi.id.startswith("ite"))
    return PlaceFigures(
        name=name,
        e_dc_kwh=one.flows.e_dc_kwh,
        e_it_kwh=one.flows.e_it_kwh,
        reuse_kwh=one.flows.reuse_kwh,
        handed_over_kwh=one.flows.handed_over_kwh,
        carbon_g=one.flows.carbon_g if one.graded else None,
        kpis=kpis,
        scope_two=one.scope_two,
        boundary=one.said,
        notes=() if one.flows.reuse_kwh is None or not unmetered else (f"{_UNMETERED}: {unmetered}",),
    )


def _counted(place: Place) -> _Counted:
    check_place(place)
    boundary = Boundary(it_category=place.it_category, heat_pump=HeatPump(place.heat_pump), partial=place.partial)
    if boundary.heat_pump is HeatPump.NONE and place.heat_pump_kwh:
        raise InvalidFieldError(f"site[{place.name}].heat_pump_kwh", place.heat_pump_kwh, "0, or heat_pump says where")
    declared = Declared(
        inflows=tuple(
            Inflow(carrier=one.carrier, amount=one.amount, g_per_kwh=one.g_per_kwh, backup=one.backup)
            for one in place.inflow
        ),
        contracts=tuple(
            Contract(
                instrument=one.instrument, kwh=one.kwh, factor=_market(one.g_per_kwh, one.evidence),
                renewable=one.renewable, evidence=one.evidence,
            )
            for one in place.contract
        ),
        boundary=boundary,
        heat_pump_kwh=place.heat_pump_kwh,
    )  # fmt: skip
    grams = 0.0 if place.g_per_kwh is None else place.electricity_kwh * place.g_per_kwh
    bought_kwh = place.electricity_kwh + (place.heat_pump_kwh if boundary.heat_pump is HeatPump.INSIDE else 0.0)
    # Without a location-based factor there is no such report; what was bought is looked at all the same.
    two = scope_two(
        bought_kwh,
        bought_kwh * (place.g_per_kwh or 0.0),
        declared.contracts,
        None if place.residual_g_per_kwh is None else _market(place.residual_g_per_kwh, "residual mix", "residual"),
    )
    return _Counted(
        flows=lifted(_flows(place, declared, grams), declared, boundary),
        extras=Extras(
            cores={},
            declared=declared,
            heat_removed_kwh=place.heat_removed_kwh,
            cooling_kwh=place.cooling_kwh,
            embodied_g=place.embodied_g,
        ),
        boundary=boundary,
        scope_two=None if place.g_per_kwh is None else two,
        graded=place.g_per_kwh is not None,
        said=boundary.text,
    )


def _flows(place: Place, declared: Declared, electricity_g: float) -> Flows:
    handed, useful = None, None
    if place.heat is not None:
        handed = math.fsum(one.delivered_kwh for one in place.heat)
        useful = math.fsum(min(one.delivered_kwh, one.demanded_kwh) for one in place.heat)
    into = declared.inflows
    inflow_kwh = math.fsum(one.kwh for one in into)
    return Flows(
        e_dc_kwh=place.electricity_kwh + inflow_kwh,
        e_it_kwh=place.e_it_kwh,
        inflow_kwh=inflow_kwh,
        backup_kwh=math.fsum(one.kwh for one in into if one.backup) if any(one.backup for one in into) else None,
        handed_over_kwh=handed,
        reuse_kwh=useful,
        water_l=place.water_l,
        renewable_kwh=place.renewable_kwh,
        carbon_g=math.fsum([electricity_g, *(one.grams for one in into)]),
        recorded_g=electricity_g,
        tier=None,
        tasks=place.tasks,
        e_dc_from="E_DC is what the worksheet states",
        no_heat="no heat is stated: without a heat meter it is left out, which is not zero",
        no_water="no water is stated",
        no_renewable="no renewable energy on site is stated",
        unmetered_sites=(),
        findings=(),
        cpu={},
        covers={},
    )


def _together(names: Sequence[str], parts: Sequence[_Counted]) -> _Counted:
    """Sums of everything; what only some sites state of water, contracts, cooling or hardware is not known of all.

    Heat of sites without a meter adds none, though their electricity counts: so it is with a ledger.
    """
    flows = [one.flows for one in parts]

    def whole(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return math.fsum(known) if len(known) == len(values) else None

    def some(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return math.fsum(known) if known else None

    scopes = [one.scope_two for one in parts]
    return _Counted(
        flows=dataclasses.replace(
            flows[0],
            e_dc_kwh=math.fsum(one.e_dc_kwh for one in flows),
            e_it_kwh=math.fsum(one.e_it_kwh for one in flows),
            inflow_kwh=math.fsum(one.inflow_kwh for one in flows),
            backup_kwh=some([one.backup_kwh for one in flows]),
            handed_over_kwh=some([one.handed_over_kwh for one in flows]),
            reuse_kwh=some([one.reuse_kwh for one in flows]),
            water_l=whole([one.water_l for one in flows]),
            renewable_kwh=whole([one.renewable_kwh for one in flows]),
            carbon_g=math.fsum(one.carbon_g for one in flows),
            recorded_g=math.fsum(one.recorded_g for one in flows),
            tasks=sum(one.tasks for one in flows),
            unmetered_sites=tuple(
                SiteId(name) for name, one in zip(names, flows, strict=True) if one.reuse_kwh is None
            ),
            no_water="not every site states its water",
            no_renewable="not every site states its renewable energy",
        ),
        extras=Extras(
            cores={},
            declared=Declared(contracts=tuple(one for part in parts for one in part.extras.declared.contracts)),
            heat_removed_kwh=whole([one.extras.heat_removed_kwh for one in parts]),
            cooling_kwh=whole([one.extras.cooling_kwh for one in parts]),
            embodied_g=whole([one.extras.embodied_g for one in parts]),
        ),
        boundary=Boundary(
            it_category=min(one.boundary.it_category for one in parts),
            partial=any(one.boundary.partial for one in parts),
        ),
        scope_two=_scope_two([one for one in scopes if one is not None]) if all(scopes) else None,
        graded=all(one.graded for one in parts),
        said=_boundaries(names, parts),
    )


def _boundaries(names: Sequence[str], parts: Sequence[_Counted]) -> str:
    """One sentence where all sites have one boundary, else that of each: sums of ratios of different ones."""
    by_text: dict[str, list[str]] = {}
    for name, one in zip(names, parts, strict=True):
        by_text.setdefault(one.said, []).append(name)
    if len(by_text) == 1:
        return parts[0].said
    return "Sites of different boundaries. " + " ".join(f"{', '.join(who)}: {text}" for text, who in by_text.items())


def _scope_two(found: Sequence[ScopeTwo]) -> ScopeTwo:
    """Both methods of all sites; a site without contracts stands in the market-based sum at its own grid's average."""
    bare = [one for one in found if one.market_g is None]
    some = (
        f"{len(found) - len(bare)} of {len(found)} sites have contracts or a residual mix; the rest at the "
        "location-based average of its own grid"
    )
    return scope_two_sum(found, found[0].note if len(bare) == len(found) else some)


def _market(g_per_kwh: float, source: str, kind: str = "market") -> Factor:
    return stated_factor(f"declared-{kind}", g_per_kwh, source, year=_ANY_YEAR, geography="world")
