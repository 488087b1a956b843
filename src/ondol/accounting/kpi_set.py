"""The key figures of a site, a legal entity or a fleet over one window, each with its unit, its standard and its data.

Every ratio is one of sums over the same window and the same boundary. What cannot be known is named, never zero.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ondol.accounting.basis import Basis
from ondol.accounting.bins import BIN_S
from ondol.accounting.boundary import Boundary, HeatPump, across_heat_pump
from ondol.accounting.coverage import is_annual
from ondol.accounting.kpi_extras import NO_EXTRAS, Declared, Extras
from ondol.accounting.kpi_figures import Kpi, key_figures
from ondol.accounting.kpi_flows import J_PER_KWH, Flows, flows
from ondol.accounting.kpi_site import SiteFlows, site_flows
from ondol.accounting.scope_two import NO_MIX, Bought, Contract, ScopeTwo, scope_two, scope_two_of
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SiteId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, MeterRow

_INTERIM_HEAT = dt.timedelta(days=28)  # stores of heat may reach across the edges of anything shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiSet:
    """Key figures that belong together.

    Parameters
    ----------
    kind, id : "site", "entity" or "fleet", and which one
    annual : the window is twelve months and the ledger covers it; otherwise the figures are interim
    flows : the sums that the ratios are made of
    scope_two : bought electricity, location-based and market-based beside each other, with that of a declared heat pump
        inside the boundary at the mean of the rest
    notes : what a reader has to know, e.g. sites without a heat meter
    """

    kind: str
    id: str
    start: dt.datetime
    end: dt.datetime
    annual: bool
    boundary: Boundary
    sites: tuple[SiteId, ...]
    flows: Flows
    scope_two: ScopeTwo
    kpis: tuple[Kpi, ...]
    notes: tuple[str, ...]

    def kpi(self, key: str) -> Kpi:
        """Key figure by its id, e.g. "pue"."""
        for one in self.kpis:
            if one.id == key:
                return one
        raise InvalidFieldError("kpi", key, "one of " + ", ".join(one.id for one in self.kpis))


def kpi_set(
    rows: Iterable[LedgerRow],
    meters: Sequence[MeterRow] = (),
    *,
    kind: str,
    subject: str,
    start: dt.datetime,
    end: dt.datetime,
    boundary: Boundary,
    basis: Basis | None = None,
    extras: Extras = NO_EXTRAS,
    bin_s: float = BIN_S,
) -> KpiSet:
    """Make the key figures of some sites together, from their rows; `figures_of` does so from sums.

    Parameters
    ----------
    rows, meters : of these sites, windows that begin in [start, end)
    basis : carbon basis; the recorded intensity where left out
    bin_s : length of a bin of useful heat [s]
    """
    ledger = list(rows)
    energy = [row for row in ledger if isinstance(row, EnergyRow)]
    heat = [row for row in ledger if isinstance(row, HeatRow)]
    sites = sorted({row.site_id for row in ledger})
    sums = []
    for site in sites:
        own = [row for row in energy if row.site_id == site]
        sums.append(
            site_flows(
                site, functools.partial(iter, own), heat, meters, basis=basis, bin_s=bin_s, cores=extras.counted_cores
            )
        )
    return figures_of(sums, meters, kind=kind, subject=subject, start=start, end=end, boundary=boundary, extras=extras)


def figures_of(
    sites: Sequence[SiteFlows],
    meters: Sequence[MeterRow] = (),
    *,
    kind: str,
    subject: str,
    start: dt.datetime,
    end: dt.datetime,
    boundary: Boundary,
    extras: Extras = NO_EXTRAS,
) -> KpiSet:
    """Make the key figures of some sites together.

    Parameters
    ----------
    sites, meters : sums over windows that begin in [start, end), and what meters counted in it
    kind, subject : "site", "entity" or "fleet", and its id or name
    start, end : the window asked for

    Raises
    ------
    InvalidFieldError : the ledger says the impossible: PUE below 1, more reuse than energy, more renewable than used
    """
    boundary = extras.declared.boundary or boundary
    crossed = flows(sites, meters, extras.declared.inflows)
    sums = lifted(crossed, extras.declared, boundary)
    short = sums.handed_over_kwh is not None and sums.handed_over_kwh > sums.e_dc_kwh and end - start < _INTERIM_HEAT
    whole = bool(sums.covers) and all(cover.covers(start, end) for cover in sums.covers.values())
    twelve = is_annual(start, end)
    return KpiSet(
        kind=kind,
        id=subject,
        start=start,
        end=end,
        annual=twelve and whole,
        boundary=boundary,
        sites=tuple(sorted(sums.covers)),
        flows=sums,
        scope_two=_scope_two(sites, crossed, sums, extras),
        kpis=key_figures(sums, boundary, extras, short=short),
        notes=(
            *_notes(sums, annual=twelve and whole, twelve=twelve, short=short, boundary=boundary),
            *extras.declared.notes,
        ),
    )


def _scope_two(sites: Sequence[SiteFlows], crossed: Flows, sums: Flows, extras: Extras) -> ScopeTwo:
    """Both methods; what a declared heat pump bought is shared among the sites as what the ledger has of them."""
    bought_kwh = crossed.e_dc_kwh - crossed.inflow_kwh
    more = (sums.e_dc_kwh - sums.inflow_kwh) / bought_kwh if bought_kwh > 0.0 else 1.0
    if extras.declared.contracts:
        found = {one.id: one for one in (extras.residuals.get(site.site_id) for site in sites) if one is not None}
        of_all = all(site.site_id in extras.residuals for site in sites) and len(found) == 1
        residual = next(iter(found.values())) if of_all else None
        two = scope_two(bought_kwh * more, crossed.recorded_g * more, extras.declared.contracts, residual)
        if found and residual is None:  # whose electricity the contracts cover is not known
            return dataclasses.replace(
                two, note=two.note.replace(NO_MIX, "since these sites have not one residual mix in common")
            )
        return two
    return scope_two_of(
        [
            Bought(
                kwh=one.total_j / J_PER_KWH * more,
                location_g=one.recorded_g * more,
                contract=_times(extras.contracts.get(one.site_id), more),
                residual=extras.residuals.get(one.site_id),
            )
            for one in sites
        ]
    )


def _times(contract: Contract | None, more: float) -> Contract | None:
    """A site's contract is for all of its electricity, also for that of its heat pump."""
    return contract if contract is None or more == 1.0 else dataclasses.replace(contract, kwh=contract.kwh * more)


def lifted(sums: Flows, declared: Declared, boundary: Boundary) -> Flows:
    """Give the flows across a boundary that a declared heat pump is inside or outside of, see `across_heat_pump`.

    Raises InvalidFieldError where no electricity came in that one inside could have taken.
    """
    kwh = declared.heat_pump_kwh
    e_dc_kwh, reuse_kwh = across_heat_pump(sums.e_dc_kwh, sums.reuse_kwh or 0.0, kwh, boundary)
    more_kwh, bought_kwh = e_dc_kwh - sums.e_dc_kwh, sums.e_dc_kwh - sums.inflow_kwh
    if more_kwh == 0:
        return sums
    if bought_kwh <= 0:
        raise InvalidFieldError(
            "heat_pump_kwh", kwh, "0 where no electricity is bought: what feeds it came in by another carrier already"
        )
    bought_g = sums.carbon_g - math.fsum(one.grams for one in declared.inflows)
    handed = sums.handed_over_kwh
    return dataclasses.replace(
        sums,
        e_dc_kwh=e_dc_kwh,
        reuse_kwh=None if sums.reuse_kwh is None else reuse_kwh,
        handed_over_kwh=handed + more_kwh if handed else handed,
        carbon_g=sums.carbon_g + more_kwh * bought_g / bought_kwh,
    )


def _notes(sums: Flows, *, annual: bool, twelve: bool, short: bool, boundary: Boundary) -> tuple[str, ...]:
    found = [boundary.text]
    if not annual:
        why = "the ledger does not cover all of it" if twelve else "the window is not twelve months"
        found.append(f"Interim figures, not annual ones in the sense of ISO/IEC 30134: {why}.")
    if sums.unmetered_sites:
        found.append(
            "No heat meter, so no heat of it is counted though its electricity is: " + ", ".join(sums.unmetered_sites)
        )
    found += sums.findings
    if short:
        found.append("Heat from before the window came out of stores; ERF and ERE say nothing over so short a time.")
    if boundary.heat_pump is not HeatPump.NONE:
        found.append("ERF and PUE depend on where the heat pump stands, ERE does not: compare ERE.")
    return tuple(found)
