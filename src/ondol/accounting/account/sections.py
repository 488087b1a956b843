"""The sections of figures: inventory first, then energy and intensity; grid and heat have files of their own."""

from __future__ import annotations

import numpy as np

from ondol.accounting import kpi
from ondol.accounting.account.case import Case
from ondol.accounting.account.columns import TIERS
from ondol.accounting.account.figure import Figure, Section, unknown
from ondol.accounting.account.lines import ROWS, banded, plain, ratio
from ondol.accounting.account.sums import sums
from ondol.accounting.sci import SCI_BOUNDARY, intensity
from ondol.model.ledger import Share


def inventory(case: Case) -> Section:
    """What the subject answers for: operational and embodied carbon, without any credit for heat."""
    operational, total, whole = case.operational, case.total, case.whole
    basis = case.grounds.basis
    figures = [
        banded(
            "operational_g",
            "Operational carbon",
            operational,
            "gCO2e",
            tier=case.tiers(whole),
            method=f"electricity with overhead × intensity of its grid, basis {basis.name} ({basis.scope.value})",
            source=basis.note,
        ),
        embodied_g(case),
    ]
    gap = case.unknown_nodes
    if not gap:
        figures.append(
            banded(
                "total_g",
                "Total, without credit for heat",
                total,
                "gCO2e",
                tier=case.tiers(whole),
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
                tier=case.tiers(filler),
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
        plain("it_kwh", "Electricity of servers", whole.it_kwh, "kWh", case, tier=whole.tiers),
        Figure(
            key="overhead_kwh",
            label="Its part of the sites' overhead",
            value=whole.overhead_kwh,
            unit="kWh",
            tier=_overhead_tiers(case),
            method="share of the site's IT electricity in each bin × its overhead (E_DC − E_IT, ISO/IEC 30134-2)",
            source=ROWS,
        ),
        banded(
            "total_kwh", "Electricity in all", case.energy, "kWh", tier=case.tiers(whole), method="sum", source=ROWS
        ),
    ]
    if case.subject.of_work:
        figures.append(
            plain(
                "charged_to_heat_kwh",
                "Beside it: run for heat alone",
                filler.total_kwh,
                "kWh",
                case,
                tier=case.tiers(filler),
            )
        )
    else:
        for share, label in (
            (Share.JOB, "Of it users' work, with overhead"),
            (Share.HEAT_ONLY, "Of it work run for heat alone, with overhead"),
            (Share.IDLE, "Of it servers that nobody had reserved, with overhead"),
        ):
            part = sums(case.shared, case.made, case.mine & case.shared.rows.of(share))
            figures.append(plain(f"{share.value}_kwh", label, part.total_kwh, "kWh", case, tier=case.tiers(part)))
        figures.append(
            ratio(case, "pue", "PUE", kpi.pue(whole.total_kwh, whole.it_kwh), "ISO/IEC 30134-2, E_DC / E_IT")
        )
    figures.append(plain("cpu_h", "CPU time, in hours of a core", whole.cpu_s / 3600.0, "h", case))
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
                    source=ROWS,
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


def sci(case: Case) -> Section:
    """Software carbon intensity, without any credit for heat."""
    unit = "instance" if case.subject.kind == "instance" else "task"
    users = case.users
    operational, embodied = users.counted_g, None if case.unknown_nodes else 1e3 * users.embodied["gwp"][0]
    made = intensity(operational, embodied, units=float(case.tasks), unit=unit)
    counted = unit if case.tasks == 1 else f"{unit}s"
    source = (
        "ISO/IEC 21031:2024, SCI = (O + M) per R; location-based, all reserved hardware, no offsets, no heat credit"
    )
    if made.per_unit_g is not None:
        figure = Figure(
            key="sci_g_per_unit", label="SCI", value=made.per_unit_g, unit=f"gCO2e/{unit}", tier=case.tiers(case.users),
            method=f"O {operational:.6g} g + M {embodied or 0.0:.6g} g, R = {case.tasks} {counted}", source=source,
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
    note = "" if case.subject.of_work else f"Of {SCI_BOUNDARY}."
    return Section(key="sci", title="Software carbon intensity", figures=tuple(figures), note=note)


def _methods(case: Case) -> str:
    rows, told = case.shared.rows, case.grounds.machines.methods
    nodes = {rows.nodes[code] for code in np.unique(rows.node[case.counted & case.shared.it])}
    used = sorted({told[node] for node in nodes if node in told})
    return f" ({', '.join(used)})" if used else ""


def _overhead_tiers(case: Case) -> str:
    return "+".join(sorted({case.overhead_tier[site].value for site in case.sites if site in case.overhead_tier}))
