"""The sections of figures: inventory first, then energy, grid, hardware, heat and intensity."""

from __future__ import annotations

import numpy as np

from ondol.accounting import kpi
from ondol.accounting.account.case import Case
from ondol.accounting.account.columns import TIERS
from ondol.accounting.account.figure import Figure, Section, unknown
from ondol.accounting.account.shared import METERED
from ondol.accounting.account.sums import sums
from ondol.accounting.sci import intensity
from ondol.accounting.scope_two import Contract, ScopeTwo, scope_two_of, site_contract
from ondol.accounting.uncertainty import Band
from ondol.model.ledger import Share, Tier

_SPLIT = "energy of a node split by: "
_ROWS = "ledger, energy rows"
_NO_METER = "no heat meter: heat is left out, which is not zero"


def inventory(case: Case) -> Section:
    """What the subject answers for: operational and embodied carbon, without any credit for heat."""
    operational, total, whole = case.operational, case.total, case.whole
    basis = case.grounds.basis
    figures = [
        _banded(
            "operational_g",
            "Operational carbon",
            operational,
            "gCO2e",
            tier=whole.tiers,
            method=f"electricity with overhead × intensity of its grid, basis {basis.name} ({basis.scope.value})",
            source=basis.note,
        ),
        embodied_g(case),
    ]
    gap = case.unknown_nodes
    if not gap:
        figures.append(
            _banded(
                "total_g",
                "Total, without credit for heat",
                total,
                "gCO2e",
                tier=whole.tiers,
                method="operational + embodied; bands: root-sum-square of independent causes",
                source="JCGM 100:2008 §5; footprint.md §5",
            )
        )
    else:
        figures.append(
            unknown(
                "total_g", "Total, without credit for heat", "gCO2e", f"embodied carbon of {len(gap)} nodes unknown"
            )
        )
    figures += [
        Figure(
            key="heat_credit_g",
            label="Credit for heat",
            value=0.0,
            unit="gCO2e",
            method="none is taken: the work bears all (view A0, cut-off)",
            source="ISO/IEC 21031; GHG Protocol, avoided emissions stand apart",
        ),
    ]
    if case.subject.of_work:
        filler = case.heat_only
        figures.append(
            Figure(
                key="charged_to_heat_g",
                label="Beside it: work run for heat alone, charged to the heat",
                value=filler.counted_g + 1e3 * filler.embodied["gwp"][0],
                unit="gCO2e",
                tier=filler.tiers,
                method="filler work: operational and known embodied carbon; in no user's inventory",
                source="footprint.md §0 rule 5",
            )
        )
    return Section(
        key="inventory",
        title="Inventory",
        figures=tuple(figures),
        note="Attributional, location-based, before anything that the heat is worth.",
    )


def embodied_g(case: Case) -> Figure:
    """Embodied carbon of slots held, or why it is not known."""
    gap, whole, equipment = case.unknown_nodes, case.whole, case.equipment
    if gap:
        named = ", ".join(sorted(gap)[:5]) + (f" and {len(gap) - 5} more" if len(gap) > 5 else "")
        return unknown("embodied_g", "Embodied carbon", "gCO2e", f"hardware unknown of {named}")
    value, low, high = (1e3 * one for one in whole.embodied["gwp"])
    if equipment.gwp is not None:
        value, low, high = (
            value + 1e3 * equipment.gwp.value,
            low + 1e3 * equipment.gwp.low,
            high + 1e3 * equipment.gwp.high,
        )
    return Figure(
        key="embodied_g",
        label="Embodied carbon",
        value=value,
        low=low,
        high=high,
        unit="gCO2e",
        method="slots held × time / lifetime of their machines" + _methods(case),
        source=case.grounds.registry.label,
    )


def energy(case: Case) -> Section:
    """Electricity, how it is shared and how well it is known."""
    whole, filler = case.whole, case.heat_only
    figures = [
        _plain("it_kwh", "Electricity of servers", whole.it_kwh, "kWh", case, tier=whole.tiers),
        Figure(
            key="overhead_kwh",
            label="Its part of the sites' overhead",
            value=whole.overhead_kwh,
            unit="kWh",
            tier=_overhead_tiers(case),
            method="share of the site's IT electricity in each bin × its overhead (E_DC − E_IT, ISO/IEC 30134-2)",
            source=_ROWS,
        ),
        _banded("total_kwh", "Electricity in all", case.energy, "kWh", tier=whole.tiers, method="sum", source=_ROWS),
    ]
    if case.subject.of_work:
        figures.append(
            _plain(
                "charged_to_heat_kwh", "Beside it: run for heat alone", filler.total_kwh, "kWh", case, tier=filler.tiers
            )
        )
    else:
        for share, label in (
            (Share.JOB, "Of it users' work, with overhead"),
            (Share.HEAT_ONLY, "Of it work run for heat alone, with overhead"),
            (Share.IDLE, "Of it servers that nobody had reserved, with overhead"),
        ):
            part = sums(case.shared, case.made, case.mine & case.shared.rows.of(share))
            figures.append(_plain(f"{share.value}_kwh", label, part.total_kwh, "kWh", case, tier=part.tiers))
        figures.append(
            _ratio(case, "pue", "PUE", kpi.pue(whole.total_kwh, whole.it_kwh), "ISO/IEC 30134-2, E_DC / E_IT")
        )
    figures.append(_plain("cpu_h", "CPU time, in hours of a core", whole.cpu_s / 3600.0, "h", case))
    for rank, tier in enumerate(TIERS):
        if tier in whole.tier_kwh:
            figures.append(
                Figure(
                    key=f"it_{tier.value.lower()}_kwh",
                    label=f"Of the servers' electricity, data tier {tier.value}",
                    value=whole.tier_kwh[tier],
                    unit="kWh",
                    tier=tier.value,
                    method=_TIERS[rank],
                    source=_ROWS,
                )
            )
    return Section(key="energy", title="Energy", figures=tuple(figures))


_TIERS = (
    "a kWh meter or a metering power distribution unit",
    "the servers' own power sensors (BMC)",
    "processor energy counters (RAPL) and cards, with a fixed offset",
    "power curve on CPU time: half to double",
    "typical machine: half to double",
)


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
            tier=whole.tiers,
            method="Σ energy with overhead × recorded intensity of its window; direct emissions of power plants",
            source=_ROWS,
        ),
        Figure(
            key="basis_g",
            label=f"Location-based, on the basis of the inventory ({basis.name})",
            value=whole.counted_g,
            unit="gCO2e",
            tier=whole.tiers,
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


def heat(case: Case) -> Section:
    """Heat that came of it: handed over, useful, and only estimated."""
    whole, filler = case.whole, case.heat_only
    minutes = case.shared.bin_s / 60.0
    given = "share of the site's IT electricity in each bin × its heat in that bin"
    figures: list[Figure] = []
    for key, label, value, method in (
        ("handed_over_kwh", "Heat handed over", whole.handed_kwh, given),
        (
            "useful_kwh",
            "Of it useful",
            whole.useful_kwh,
            f"min(delivered, demanded) by sink and {minutes:g} min; {given}",
        ),
    ):
        if value is None:
            figures.append(unknown(key, label, "kWh", _NO_METER))
        else:
            figures.append(
                Figure(
                    key=key, label=label, value=value, unit="kWh", tier=_heat_tier(case), method=method,
                    source="ledger, heat rows",
                )
            )  # fmt: skip
    if whole.estimated_kwh is not None:
        figures.append(
            Figure(
                key="estimated_kwh",
                label="Beside it: heat of units without a heat meter, estimated",
                value=whole.estimated_kwh,
                unit="kWh",
                tier=Tier.T4_CURVE.value,
                method="electricity × capture − case loss; in no ratio, no view, no comparison and no claim",
                source="ledger, heat rows",
            )
        )
    all_kwh = whole.it_kwh + (filler.it_kwh if case.subject.of_work else 0.0)
    figures.append(
        _ratio(case, "filler_share", "Share of work run for heat alone", filler.it_kwh / all_kwh if all_kwh else None,
               "filler electricity / all electricity of servers")
    )  # fmt: skip
    if not case.subject.of_work and whole.useful_kwh is not None:
        figures += _reuse(case, whole.useful_kwh)
    if whole.sink_temp_c is not None:
        figures.append(
            Figure(
                key="sink_temp_c",
                label="Mean temperature of what was heated",
                value=whole.sink_temp_c,
                unit="°C",
                method="weighted by heat handed over; the supply is warmer, and is not in the ledger",
                source="ledger, heat rows",
            )
        )
    return Section(key="heat", title="Heat", figures=tuple(figures))


def sci(case: Case) -> Section:
    """Software carbon intensity, without any credit for heat."""
    unit = "instance" if case.subject.kind == "instance" else "task"
    operational, embodied = case.whole.counted_g, None if case.unknown_nodes else 1e3 * case.whole.embodied["gwp"][0]
    made = intensity(operational, embodied, units=float(case.tasks), unit=unit)
    source = (
        "ISO/IEC 21031:2024, SCI = (O + M) per R; location-based, all reserved hardware, no offsets, no heat credit"
    )
    if made.per_unit_g is not None:
        figure = Figure(
            key="sci_g_per_unit", label="SCI", value=made.per_unit_g, unit=f"gCO2e/{unit}", tier=case.whole.tiers,
            method=f"O {operational:.6g} g + M {embodied or 0.0:.6g} g, R = {case.tasks} {unit}s", source=source,
        )  # fmt: skip
    else:
        why = "no task ran" if not case.tasks else "M is not known: hardware of some nodes is unknown"
        figure = unknown("sci_g_per_unit", "SCI", f"gCO2e/{unit}", why, source=source)
    figures = [figure, Figure(key="units", label="Functional units R", value=float(case.tasks), unit=f"{unit}s")]
    if made.per_unit_g is None and made.lower_bound_g is not None:
        figures.append(
            Figure(
                key="sci_at_least_g_per_unit",
                label="SCI is at least",
                value=made.lower_bound_g,
                unit=f"gCO2e/{unit}",
                method="O / R, without M",
                source=source,
            )
        )
    return Section(key="sci", title="Software carbon intensity", figures=tuple(figures))


def _reuse(case: Case, useful_kwh: float) -> list[Figure]:
    whole = case.whole
    source = "ISO/IEC 30134-6; ERE: Green Grid WP29; boundary: plug of the units to hand-over of the heat"
    if useful_kwh > whole.total_kwh * (1.0 + 1e-9):
        why = "stores gave back heat from before the window: more was useful than electricity came in"
        return [unknown("erf", "ERF", "1", why, source=source), unknown("ere", "ERE", "1", why, source=source)]
    return [
        _ratio(case, "erf", "ERF", kpi.erf(useful_kwh, whole.total_kwh), source),
        _ratio(case, "ere", "ERE", kpi.ere(whole.total_kwh, useful_kwh, whole.it_kwh), source),
    ]


def _plain(key: str, label: str, value: float, unit: str, case: Case, *, tier: str = "") -> Figure:
    method = _SPLIT + case.grounds.split_rule
    return Figure(key=key, label=label, value=value, unit=unit, tier=tier, method=method, source=_ROWS)


def _banded(key: str, label: str, band: Band, unit: str, *, tier: str, method: str, source: str) -> Figure:
    stated = bool(band.causes)
    return Figure(
        key=key,
        label=label,
        value=band.value,
        low=band.low if stated else None,
        high=band.high if stated else None,
        unit=unit,
        tier=tier,
        method=method,
        source=source,
    )


def _ratio(case: Case, key: str, label: str, value: float | None, source: str) -> Figure:
    if value is None:
        return unknown(key, label, "1", "nothing to divide by", source=source)
    interim = "ratio of sums" + ("" if case.window.annual else "; interim, less than twelve months")
    return Figure(key=key, label=label, value=value, unit="1", method=interim, source=source)


def _methods(case: Case) -> str:
    rows, told = case.shared.rows, case.grounds.machines.methods
    nodes = {rows.nodes[code] for code in np.unique(rows.node[case.counted & case.shared.it])}
    used = sorted({told[node] for node in nodes if node in told})
    return f" ({', '.join(used)})" if used else ""


def _overhead_tiers(case: Case) -> str:
    return "+".join(sorted({case.overhead_tier[site].value for site in case.sites if site in case.overhead_tier}))


def _heat_tier(case: Case) -> str:
    heat_rows = case.shared.heat
    here = np.array([site in case.places for site in heat_rows.sites], dtype=np.bool_)
    ranks = np.unique(heat_rows.tier[here[heat_rows.site]]) if len(heat_rows) else ()
    return "+".join(TIERS[rank].value for rank in ranks if TIERS[rank] in METERED)


def _scope_two(case: Case) -> ScopeTwo:
    """Both methods; of each site by its own contract, or where it has none by its own grid."""
    parts: list[tuple[float, float, Contract | None]] = []
    for key, place in case.places.items():
        site, here = case.grounds.sites.get(key), sums(place.shared, place.made, place.counted)
        bought = None if site is None else site_contract(site, here.total_kwh, case.window.start.year)
        parts.append((here.total_kwh, here.recorded_g, bought))
    return scope_two_of(parts)


def _evidence(case: Case) -> list[str]:
    named = (case.grounds.sites.get(key) for key in case.sites)
    return list(dict.fromkeys(site.market_evidence for site in named if site is not None and site.market_evidence))
