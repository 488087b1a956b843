"""The key figures one by one, each with its unit, its standard, the tier of its data, or why it is undefined."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ondol.accounting import kpi
from ondol.accounting.boundary import Boundary
from ondol.accounting.kpi_extras import Extras
from ondol.accounting.kpi_flows import Flows
from ondol.accounting.kpi_utilization import utilization
from ondol.accounting.sci import SCI_BOUNDARY, intensity
from ondol.accounting.scope_two import Contract, Instrument
from ondol.model.ledger import Tier

_TICK = 1.05  # CPU time is read at moments of its own: it may seem to be a little more than fits into the window


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One key figure.

    Parameters
    ----------
    value : None where it is undefined or cannot be known; `undefined` says why
    standard : where it is defined, with the corresponding part of EN 50600
    tier : worst data tier of what it is made of
    """

    id: str
    name: str
    value: float | None
    unit: str
    standard: str
    tier: Tier | None = None
    undefined: str = ""
    note: str = ""


def key_figures(sums: Flows, boundary: Boundary, extras: Extras, *, short: bool) -> tuple[Kpi, ...]:
    """Make all key figures of some sums.

    Parameters
    ----------
    short : stores gave back more heat than electricity came in, so that ERF and ERE say nothing

    Raises InvalidFieldError where the ledger says the impossible.
    """
    return (
        *_energy_figures(sums, boundary, short),
        *_renewable_figures(sums, extras.declared.contracts),
        _cer(sums, extras),
        *_server_figures(sums, extras),
        _sci(sums, extras),
    )


def _energy_figures(sums: Flows, boundary: Boundary, short: bool) -> Iterable[Kpi]:
    empty = "no IT electricity in the window" if sums.e_it_kwh == 0 else ""
    partial = boundary.partial
    yield Kpi(
        id="pue",
        name="partial power usage effectiveness (pPUE)" if partial else "power usage effectiveness (PUE)",
        value=kpi.pue(sums.e_dc_kwh, sums.e_it_kwh),
        unit="1",
        standard="ISO/IEC 30134-2 annex D" if partial else "ISO/IEC 30134-2; EN 50600-4-2",
        tier=sums.tier,
        undefined=empty,
        note=f"category {boundary.it_category}; {sums.e_dc_from}",
    )
    reuse, why = sums.reuse_kwh, sums.no_heat
    if short:
        reuse, why = None, "stores gave back more heat than electricity came in; look at a longer window"
    heat_tier = Tier.T1_METER if sums.tier is None else max(sums.tier, Tier.T1_METER, key=lambda tier: tier.value)
    yield Kpi(
        id="erf",
        name="energy reuse factor (ERF), useful heat",
        value=kpi.erf(reuse, sums.e_dc_kwh),
        unit="1",
        standard="ISO/IEC 30134-6; EN 50600-4-6",
        tier=heat_tier if reuse is not None else None,
        undefined=why if reuse is None else ("no electricity in the window" if sums.e_dc_kwh == 0 else ""),
        note="heat that was demanded, metered where it is handed over",
    )
    handed = None if short else sums.handed_over_kwh
    yield Kpi(
        id="erf_handed_over",
        name="ERF, all that was handed over",
        value=kpi.erf(handed, sums.e_dc_kwh),
        unit="1",
        standard="ISO/IEC 30134-6; EN 50600-4-6",
        tier=heat_tier if handed is not None else None,
        undefined=why if handed is None else ("no electricity in the window" if sums.e_dc_kwh == 0 else ""),
        note="also heat that nobody asked for: an upper end, not what is useful",
    )
    yield Kpi(
        id="ere",
        name="energy reuse effectiveness (ERE)",
        value=kpi.ere(sums.e_dc_kwh, reuse, sums.e_it_kwh),
        unit="1",
        standard="The Green Grid WP29; not an ISO figure",
        tier=heat_tier if reuse is not None else None,
        undefined=why if reuse is None else empty,
    )
    yield Kpi(
        id="cue",
        name="carbon usage effectiveness (CUE)",
        value=kpi.cue(sums.carbon_g / 1000.0, sums.e_it_kwh),
        unit="kgCO2e/kWh",
        standard="ISO/IEC 30134-8; EN 50600-4-8",
        tier=sums.tier,
        undefined=empty,
        note="carbon of every carrier, not PUE × the grid's factor",
    )
    yield Kpi(
        id="wue",
        name="water usage effectiveness (WUE)",
        value=None if sums.water_l is None else kpi.wue(sums.water_l, sums.e_it_kwh),
        unit="L/kWh",
        standard="ISO/IEC 30134-9; EN 50600-4-9",
        tier=None if sums.water_l is None else sums.tier,
        undefined=sums.no_water if sums.water_l is None else empty,
        note="water input W_IN, as EU 2024/1364 counts it",
    )


def _renewable_figures(sums: Flows, contracts: Sequence[Contract]) -> Iterable[Kpi]:
    covered = {
        one: math.fsum(c.kwh for c in contracts if c.renewable and c.instrument is one)
        for one in (Instrument.GOO, Instrument.PPA)
    }
    known = {
        "goo": covered[Instrument.GOO] if any(c.instrument is Instrument.GOO for c in contracts) else None,
        "ppa": covered[Instrument.PPA] if any(c.instrument is Instrument.PPA for c in contracts) else None,
        "on_site": sums.renewable_kwh,
    }
    parts = [kwh for kwh in known.values() if kwh is not None]
    missing = {
        "goo": "no guarantees of origin are registered",
        "ppa": "no power purchase agreement is registered",
        "on_site": sums.no_renewable,
    }
    total = math.fsum(parts) if parts else None
    least = "" if total is None or sums.renewable_kwh is not None else f"; at least this, for {sums.no_renewable}"
    yield _ref("ref", "renewable energy factor (REF)", total, sums, "nothing renewable is metered or registered", least)
    for key, name in (("goo", "guarantees of origin"), ("ppa", "power purchase agreements"), ("on_site", "on site")):
        yield _ref(f"ref_{key}", f"REF, {name}", known[key], sums, missing[key])


def _ref(key: str, name: str, kwh: float | None, sums: Flows, missing: str, more: str = "") -> Kpi:
    value = None if kwh is None else kpi.ref(kwh, sums.e_dc_kwh)
    return Kpi(
        id=key,
        name=name,
        value=value,
        unit="1",
        standard="ISO/IEC 30134-3; EN 50600-4-3",
        tier=None if value is None else sums.tier,
        undefined=missing if kwh is None else ("no energy in the window" if value is None else ""),
        note=f"only on-site energy is renewable in the sense of the standard; certificates stand beside it{more}"
        if key == "ref"
        else "",
    )


def _cer(sums: Flows, extras: Extras) -> Kpi:
    stated = extras.heat_removed_kwh is not None and extras.cooling_kwh is not None
    removed_kwh = extras.heat_removed_kwh if stated else sums.cooling_heat_kwh
    cooling_kwh = extras.cooling_kwh if stated else sums.cooling_kwh
    known = removed_kwh is not None and cooling_kwh is not None
    value = kpi.cer(removed_kwh or 0.0, cooling_kwh or 0.0) if known else None
    why = "" if value is not None else "no cooling that takes electricity" if known else sums.no_cooling
    return Kpi(
        id="cer",
        name="cooling efficiency ratio (CER)",
        value=value,
        unit="1",
        standard="ISO/IEC 30134-7; EN 50600-4-7",
        tier=Tier.T1_METER if value is not None and not stated else None,
        undefined=why,
        note="" if value is None else "stated" if stated else "heat that cooling removed / its electricity, by meters",
    )


def _server_figures(sums: Flows, extras: Extras) -> Iterable[Kpi]:
    yield _effectiveness(sums, extras)
    share, why, left_out = _utilization(sums, extras)
    yield Kpi(
        id="iteusv",
        name="IT equipment utilization for servers (ITEUsv)",
        value=share,
        unit="1",
        standard="ISO/IEC 30134-5; EN 50600-4-5",
        undefined=why,
        note="mean over time of the mean CPU utilization of the servers that were on, hour by hour"
        + (f"; {left_out} servers left out (accelerators, or cores not known)" if left_out else ""),
    )


def _effectiveness(sums: Flows, extras: Extras) -> Kpi:
    """ITEEsv = Σ SMPE / Σ SMPO over the servers that were on, by one benchmark (ISO/IEC 30134-4)."""
    told = {node: extras.benchmarks[node] for node in sums.cpu if node in extras.benchmarks}
    names = sorted({one.name for one in told.values()})
    bare = sorted(set(sums.cpu) - set(told))
    if not told:
        why = "no server has a benchmark: state [[benchmark]] in the fleet file" if bare else "no server was on"
    elif bare:
        why = f"{len(bare)} of {len(sums.cpu)} servers have no benchmark: " + ", ".join(bare[:5])
    elif len(names) > 1:
        why = f"benchmarks are mixed, and are not to be added: {', '.join(names)}"
    else:
        why = ""
    value = None if why else math.fsum(x.score for x in told.values()) / math.fsum(x.power_w for x in told.values())
    sources = "; ".join(sorted({one.source for one in told.values()}))
    return Kpi(
        id="iteesv",
        name="IT equipment energy efficiency for servers (ITEEsv)",
        value=value,
        unit="1/W" if value is None else f"{names[0]}/W",
        standard="ISO/IEC 30134-4; EN 50600-4-4",
        undefined=why,
        note="" if value is None else f"Σ maximum performance / Σ maximum power of {len(told)} servers ({sources})",
    )


def _utilization(sums: Flows, extras: Extras) -> tuple[float | None, str, int]:
    """Give mean CPU utilization, why there is none, and how many servers could not be counted.

    ISO/IEC 30134-5 takes the CPU utilization of servers alone and leaves out those that mostly compute on accelerators
    (its scope). See `ondol.accounting.kpi_utilization` for the mean.
    """
    left_out = 0
    for node, (cpu_s, on_s) in sums.cpu.items():
        cores = extras.cores.get(node)
        if cores is None or node in extras.gpu_nodes:
            left_out += 1
            continue
        if cpu_s > cores * (on_s * _TICK + 1.0):
            return None, f"{node} says {cpu_s:g} s of CPU time, more than its cores have in {on_s:g} s", left_out
    share = utilization(sums.busy)
    if share is None:
        return None, "no server whose cores are known was on", left_out
    return min(share, 1.0), "", left_out


def _sci(sums: Flows, extras: Extras) -> Kpi:
    users_g = max(0.0, sums.carbon_g - sums.filler_g)
    made = intensity(users_g, extras.embodied_g, units=sums.tasks, unit="task")
    why = "" if made.per_unit_g is not None else "embodied carbon of some hardware is not known"
    if sums.tasks == 0:
        why = "no task ran"
    bound = "" if made.per_unit_g is not None or made.lower_bound_g is None else f"; at least {made.lower_bound_g:.4g}"
    return Kpi(
        id="sci",
        name="software carbon intensity (SCI)",
        value=made.per_unit_g,
        unit="gCO2e/task",
        standard="ISO/IEC 21031",
        tier=sums.tier if made.per_unit_g is not None else None,
        undefined=why,
        note=f"R = {sums.tasks} task{'' if sums.tasks == 1 else 's'}; no credit for heat; {SCI_BOUNDARY}{bound}",
    )
