"""How figures are put into words; the same on the terminal and in the HTML file.

Wording rules of `reference/footprint.md` §5: say what was counted and what was not, claim no avoided emissions without
a named counterfactual, say "not metered" rather than zero.
"""

from __future__ import annotations

import datetime as dt
import math
from zoneinfo import ZoneInfo

from ondol.accounting.figures import band_of
from ondol.model.ledger import Tier
from ondol.report.bundle import FleetStatementBundle

UNKNOWN = "–"
TIER_WORDS = {
    Tier.T1_METER: "electricity meter",
    Tier.T2_BMC: "the servers' own power sensors",
    Tier.T3_RAPL: "processor energy counters",
    Tier.T4_CURVE: "a model of power against CPU time",
    Tier.T5_ARCHETYPE: "a typical machine",
}
NOT_COUNTED = (
    "Not counted: making servers, heaters, tanks and pipes (embodied carbon), their end of life, water, networks, and "
    "what lies upstream of the electricity beyond what the grid factor itself contains. The whole statement counts "
    "what of it is known: 'ondol statement fleet'."
)
NO_CREDIT = (
    "The carbon line is a location-based inventory and takes no credit for heat (compatible with ISO/IEC 21031). "
    "No avoided emissions are claimed: that would need a named alternative way to heat, such as a heat pump."
)


def number(value: float | None, digits: int = 3) -> str:
    """Give a figure with so many significant digits, plain notation; a dash where it is unknown."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0"
    if abs(value) < 1e-6:
        return "≈\u00a00"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(places, 6)}f}".replace(",", "\u00a0")


def kwh(value: float | None) -> str:
    """Energy with its unit."""
    return UNKNOWN if value is None else f"{number(value)} kWh"


def grams(value: float | None) -> str:
    """Carbon with its unit, kg from 1000 g on."""
    if value is None:
        return UNKNOWN
    return f"{number(value / 1000)} kgCO2e" if value >= 1000 else f"{number(value)} gCO2e"


def percent(value: float | None) -> str:
    """A ratio in per cent."""
    return UNKNOWN if value is None else f"{100 * value:.0f} %".replace("-", "−")


def duration(seconds: float) -> str:
    """A length of time in words."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    amount, unit = (seconds / 3600, "h") if seconds < 3 * 86_400 else (seconds / 86_400, "days")
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"


def local(when: dt.datetime, timezone: str, form: str = "%a %d %b %Y %H:%M") -> str:
    """A time of day at the fleet's place."""
    return when.astimezone(ZoneInfo(timezone)).strftime(form)


def clock_note(bundle: FleetStatementBundle) -> str:
    """Say how fast platform time went, and what that means for the figures."""
    seconds = (bundle.end - bundle.start).total_seconds()
    if math.isclose(bundle.clock_rate, 1.0):
        return f"Platform clock = wall time; the statement covers {duration(seconds)}."
    return (
        f"Platform clock {bundle.clock_rate:g} × wall time: the {duration(seconds)} of this statement passed in "
        f"{duration(seconds / bundle.clock_rate)}. All times, energies and heat are in platform time."
    )


def summary(bundle: FleetStatementBundle) -> list[str]:
    """Give the statement in a few sentences."""
    figures = bundle.fleet.figures
    energy, carbon, heat = figures.energy, figures.carbon, figures.heat
    span = duration((bundle.end - bundle.start).total_seconds())
    took = f"In {span} the fleet took {kwh(energy.total_kwh)} of electricity: {kwh(energy.job_kwh)} for jobs, "
    rest = f"{kwh(energy.idle_kwh)} idle and {kwh(energy.overhead_kwh)} overhead."
    lines = [f"{took}{kwh(energy.heat_only_kwh)} for heat alone, {rest}"]
    if heat is None:
        lines.append("No site has a heat meter, so nothing is said about heat.")
    else:
        part = "" if heat.delivered_kwh == 0 else f" ({percent(heat.useful_kwh / heat.delivered_kwh)} of it)"
        lines.append(
            f"It handed over {kwh(heat.delivered_kwh)} of heat; {kwh(heat.useful_kwh)}{part} came while it was wanted, "
            f"which is {_reused(figures.erf)}. {kwh(heat.not_useful_kwh)} came when nobody had asked for it and counts "
            "for nothing."
        )
    band = "" if carbon.low_g == carbon.high_g else f" (between {grams(carbon.low_g)} and {grams(carbon.high_g)})"
    lines.append(f"Its electricity stands for {grams(carbon.total_g)}{band} at the carbon intensity of the local grid.")
    return lines


def _reused(erf: float | None) -> str:
    if erf is None:
        return "more than its electricity: stores gave back heat from before, so no share is stated"
    return f"{percent(erf)} of all its electricity"


def method_notes(bundle: FleetStatementBundle) -> list[str]:
    """Give the conventions behind the figures, one sentence or two each."""
    figures = bundle.fleet.figures
    notes: list[str] = []
    if figures.heat is not None:
        notes.append(
            f"Useful heat is the smaller of delivered and demanded heat in every {duration(figures.heat.bin_s)}, by "
            "sink. A job's useful heat is its energy times the useful heat per IT energy of its site at that time."
        )
    if any(site.figures.heat is not None and site.figures.erf is None for site in bundle.fleet.sites):
        notes.append(
            "Over so short a time a site may hand over more heat than it took electricity: water and heaters were warm "
            "before. Its ERF is then left out, and its jobs' useful heat may exceed their electricity."
        )
    notes.append(
        f"Energy of a node is split by this rule: {bundle.fleet.method}. A job's electricity and carbon contain its "
        "part of the sites' overhead."
    )
    notes.append(f"Carbon factor: {figures.carbon.factor}.")
    notes += [tier_note(tier, amount, figures.energy.total_kwh) for tier, amount in figures.kwh_by_tier]
    if figures.unmetered_sites:
        where = ", ".join(site.name for site in bundle.fleet.sites if site.site_id in figures.unmetered_sites)
        notes.append(f"No heat meter at: {where}. Its electricity is in every ratio, its heat is left out, not zero.")
    return [*notes, NO_CREDIT, NOT_COUNTED, *bundle.notes]


def tier_note(tier: Tier, amount_kwh: float, total_kwh: float) -> str:
    """Say how well a part of the energy is known."""
    part = "" if total_kwh == 0 else f" ({percent(amount_kwh / total_kwh)} of the electricity)"
    band = band_of(tier)
    off = f"; it may be off by a factor of {band:g} either way" if band > 1 else ""
    return f"Data tier {tier.value}{part}: from {TIER_WORDS[tier]}{off}."


def conservation_line(bundle: FleetStatementBundle) -> str:
    """Say whether jobs, heat-only, idle and overhead are all there is."""
    if bundle.findings:
        first = bundle.findings[0]
        return f"The ledger does not add up: {len(bundle.findings)} findings, first: {first.subject}: {first.detail}."
    worst = "exactly" if bundle.residual == 0 else f"to {bundle.residual:.0e} relative"
    return f"The books balance: jobs + heat-only + idle + overhead = total at every site, {worst}."
