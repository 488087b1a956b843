"""Electricity of a statement by each way of counting its carbon; one of them is the inventory's."""

from __future__ import annotations

from ondol.accounting.account.case import Case
from ondol.accounting.account.figure import Figure, Section, unknown
from ondol.accounting.account.lines import ROWS
from ondol.accounting.registry import marginal_of, residual_of
from ondol.accounting.scope_two import Bought, ScopeTwo, scope_two_of, site_contract


def grid(case: Case) -> Section:
    """Carbon of the electricity by each way of counting; one of them is the inventory's."""
    whole, basis = case.whole, case.grounds.basis
    told = _scope_two(case)
    figures = [
        Figure(
            key="location_hourly_g",
            label="Location-based, hour by hour as the grid was recorded",
            value=whole.recorded_g,
            unit="gCO2e",
            tier=case.tiers(whole),
            method="Σ energy with overhead × recorded intensity of its window; direct emissions of power plants",
            source=ROWS,
        ),
        Figure(
            key="basis_g",
            label=f"Location-based, on the basis of the inventory ({basis.name})",
            value=whole.counted_g,
            unit="gCO2e",
            tier=case.tiers(whole),
            method=f"Σ energy with overhead × intensity, scope {basis.scope.value}",
            source=basis.note,
        ),
    ]
    if told.market_g is not None:
        figures.append(
            Figure(
                key="market_g",
                label="Market-based, by contract",
                value=told.market_g,
                unit="gCO2e",
                method=f"Σ energy × factor of the contract; {told.note}; never in the heat credit, never in SCI",
                source="GHG Protocol Scope 2 Guidance ch. 6; " + "; ".join(_evidence(case)),
            )
        )
    else:
        figures.append(unknown("market_g", "Market-based, by contract", "gCO2e", told.note))
    figures += _marginal(case)
    if whole.total_kwh > 0.0:
        figures.append(
            Figure(
                key="basis_g_per_kwh",
                label="Mean intensity of what was used",
                value=whole.counted_g / whole.total_kwh,
                unit="gCO2e/kWh",
                method="operational carbon / electricity, ratio of sums",
                source=basis.note,
            )
        )
    return Section(key="grid", title="Grid", figures=tuple(figures))


def _marginal(case: Case) -> list[Figure]:
    """A scenario beside the inventory: all of it from the plant that would run less; where own rows give the factor."""
    grounds, grams, used = case.grounds, 0.0, []
    for key, place in case.places.items():
        site = grounds.sites.get(key)
        row = None if site is None else marginal_of(grounds.registry, site.country)
        if row is None:
            return []
        used.append(row)
        grams += place.sums.total_kwh * row.value
    return [
        Figure(
            key="marginal_g",
            label="Scenario: at the marginal power plant",
            value=grams,
            unit="gCO2e",
            tier=case.tiers(case.whole),
            method="Σ energy × marginal factor, scope "
            + ", ".join(sorted({row.scope.value for row in used}))
            + "; beside the inventory, in no sum, no SCI and no heat credit",
            source="; ".join(dict.fromkeys(f"{row.id}: {row.source}" for row in used)),
        )
    ]


def _scope_two(case: Case) -> ScopeTwo:
    """Both methods; of each site by its own contract, or where it has none by its own grid."""
    parts: list[Bought] = []
    for key, place in case.places.items():
        site, here = case.grounds.sites.get(key), place.sums
        bought = None if site is None else site_contract(site, here.total_kwh, case.window.start.year)
        residual = None if site is None else residual_of(case.grounds.registry, site.country)
        parts.append(Bought(kwh=here.total_kwh, location_g=here.recorded_g, contract=bought, residual=residual))
    return scope_two_of(parts)


def _evidence(case: Case) -> list[str]:
    named = (case.grounds.sites.get(key) for key in case.sites)
    return list(dict.fromkeys(site.market_evidence for site in named if site is not None and site.market_evidence))
