"""What a statement says in sentences: its goal, the scope map, what drives its uncertainty, and what it leaves out."""

from __future__ import annotations

import datetime as dt

import numpy as np

from ondol.accounting.account.case import Case
from ondol.accounting.account.statement import AvoidedAt, Driver
from ondol.accounting.allocation import AllocationView
from ondol.accounting.uncertainty import Band
from ondol.accounting.wording import check_words

SCOPE_MAP = (
    "Whose scope it is: operator, scope 2 (electricity), scope 3 cat. 1 and 2 (servers) and cat. 3 (upstream); who "
    "computes, scope 3 cat. 1; who takes the heat, scope 2 (heat, by the factor of a named view)."
)
LEFT_OUT = (
    "Not in it: end of life, networks, user devices, losses after the hand-over of the heat, this platform's computers."
)
NO_NETTING = (
    "Comparisons (avoided emissions, basket of functions) stand apart: they are against something that did not happen, "
    "and are never subtracted from the inventory."
)
VIRTUAL = (
    "Some of the heat meters are equations in place of hardware, or an earlier release did not write down whether they "
    "are: such heat shows how the platform behaves and proves nothing."
)
REBOUND = "Intensities hide volume: look at the absolute totals and at the number of tasks beside them."


def goal(case: Case) -> tuple[str, ...]:
    """Say goal, functional units, boundary and audience."""
    subject = case.subject
    of = f"{subject.kind} {subject.name}" if subject.name != subject.id else f"{subject.kind} {subject.id}"
    if subject.of_work:
        first = f"What the work of {of} took and gave. Functional units: one task; one kWh of useful heat."
        second = (
            "For who computes. Counted: all attempts, failed and stopped ones too, with their part of idle power of "
            "reserved slots, of the sites' overhead and of making the servers."
        )
    else:
        first = f"What {of} took and gave. Functional units: one task; one kWh of useful heat."
        second = (
            "For who runs it and who takes its heat. Counted: all of its electricity, idle servers and overhead too."
        )
    third = (
        "Boundary: from the plug of the units (with the overhead that the site's PUE states) to the hand-over of heat; "
        "heat pumps and backup heaters are outside."
    )
    return first, second, third


def notes(case: Case) -> tuple[str, ...]:
    """Say the conventions; every sentence keeps to the rules of wording."""
    told = [
        f"Carbon basis: {case.grounds.basis.note}",
        f"Factors: {case.grounds.registry.label}.",
        f"Split rule: {case.grounds.split_rule}.",
        f"Useful heat is the smaller of delivered and demanded heat, by sink and {case.shared.bin_s / 60.0:g} minutes.",
        (
            "Bands: half to double for modelled power (T4) and stated PUE (T5); what a meter "
            "with a stated class stands behind, by that class, and otherwise none of metered tiers; the "
            "electricity factor from its low to its high; root-sum-square of independent causes (GUM)."
        ),
        SCOPE_MAP,
        NO_NETTING,
        LEFT_OUT,
    ]
    told += _lives(case)
    told += [
        f"View A2 at {case.grounds.name(site)}: {terms.exergy_said}."
        for site, terms in sorted(case.grounds.allocation.items())
        if site in case.places and terms.exergy_said
    ]
    if _virtual(case):
        told.append(VIRTUAL)
    if not case.subject.of_work:
        told.append(REBOUND)
    if case.window.whole:
        told.append("The window is all that the ledger has of it.")
    if not case.window.annual:
        told.append("Ratios are interim: the window is not a year.")
    for sentence in told:
        check_words(sentence, "note")
    return tuple(told)


def _lives(case: Case) -> list[str]:
    """Whose making is all counted, and whose counts on because nobody said since when it serves."""
    rows, machines = case.shared.rows, case.grounds.machines
    used = [rows.nodes[code] for code in np.unique(rows.node[case.counted & case.shared.it])]
    over: dict[float, list[str]] = {}
    for node in used:
        end_s = machines.written_off_s.get(node)
        if end_s is not None and end_s < case.window.end.timestamp():
            over.setdefault(end_s, []).append(node)
    told = [
        f"Written off: the stated life of {_few(nodes)} was over on "
        f"{dt.datetime.fromtimestamp(end_s, dt.UTC):%Y-%m-%d}; their making was counted by then, and counts 0 since."
        for end_s, nodes in sorted(over.items())
    ]
    endless = [node for node in used if node in machines.per_slot_s and node not in machines.written_off_s]
    if endless:
        told.append(f"Since when {_few(endless)} serve is not stated: their making is counted without an end.")
    return told


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def missing(case: Case, boxes: tuple[AvoidedAt, ...], views: tuple[AllocationView, ...]) -> tuple[str, ...]:
    """Name what is not known, with why."""
    found = [f"hardware of node {node}: {why}" for node, why in sorted(case.unknown_nodes.items())[:50]]
    found += [f"view {view.method}: {view.unavailable}" for view in views if view.unavailable]
    found += [f"avoided emissions at {box.site_name}: {why}" for box in boxes if (why := box.refused or box.rest)]
    if case.whole.useful_kwh is None:
        found.append("heat: no heat meter at any of its sites")
    return tuple(found)


def apart(case: Case) -> tuple[str, ...]:
    """Say of places whose heat was not seen at the time of its electricity."""
    if case.subject.of_work or not case.apart:
        return ()
    named = _few([case.grounds.name(sink) for sink in case.apart])
    told = f"Heat meter and electricity cover different times at {named}: no ratio is made of the two, and of one of "
    return (told + "them there was more than is told.",)


def _virtual(case: Case) -> bool:
    heat = case.shared.heat
    return any(heat.sites[code] in case.places for code in np.unique(heat.site[heat.virtual]))


def drivers(band: Band) -> tuple[Driver, ...]:
    """The causes behind the inventory's band, the largest first."""
    return tuple(Driver(cause=name, below_g=below, above_g=above) for name, below, above in band.causes)


def driver(band: Band, views: tuple[AllocationView, ...], boxes: tuple[AvoidedAt, ...]) -> str:
    """Say what matters most: data, or the choice of a method.

    The spread of methods runs over the work's line in all available views and over net figures, where there are any.
    """
    borne = [view.job_g for view in views if view.job_g is not None]
    made = [box.made for box in boxes if box.made is not None and box.made.net is not None]
    if made and len(made) == len(boxes):
        borne.append(sum(one.net.g for one in made if one.net is not None))
        borne.append(sum(one.net_heat_pump.g for one in made if one.net_heat_pump is not None))
    spread = max(borne) - min(borne) if len(borne) > 1 else 0.0
    width = band.high - (band.low if band.low is not None else 0.0)
    if not band.causes and spread <= 0.0:
        return "No cause of uncertainty is stated for what this rests on; that does not make it exact."
    data = f"{band.driver} ({100 * band.share_of(band.driver):.0f} % of the variance)" if band.causes else "none stated"
    if spread > width:
        return (
            f"The choice of a method matters most: named views and comparisons lie {_mass(spread)} apart, the data's "
            f"band is {_mass(width)} wide. Among the data: {data}."
        )
    if spread > 0.0:
        apart = f"methods lie {_mass(spread)} apart"
    else:
        apart = "all methods agree" if len(borne) > 1 else "no other method is available"
    return f"Among the data, {data} matters most; {apart}, the data's band is {_mass(width)} wide."


def _mass(grams: float) -> str:
    return f"{grams / 1e3:.3g} kgCO2e" if grams >= 1e3 else f"{grams:.3g} gCO2e"
