"""Energy of a unit's step: heat by its meter, by its heat power, by flow and temperatures, and electricity.

First law: over the step and the rest after it, ``E_heat = f·∫P dt − ∫UA_case (T_loop − T_room) dt − C ΔT_loop``, where
f is the captured share. No instrument can be far from this, and none above ``∫P dt`` less what the loop stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.agent.commission.finding import Finding, Unjudged, Verdict
from ondol.agent.commission.mistakes import ENERGIES, POWERS, explain_ratio
from ondol.agent.commission.recording import Recording, Step
from ondol.agent.layout import PLANT_ROOM_TEMP_C, SiteLayout, UnitLayout
from ondol.thermal.arrays import Floats
from ondol.thermal.water import WATER_CP_J_PER_KG_K

RESOLUTIONS_J = (3.6e9, 1e9, 3.6e8, 1e8, 3.6e7, 1e7, 3.6e6, 1e6, 3.6e5, 1e5, 3.6e4, 3.6e3)
"""What heat meters count in: MWh, GJ and kWh, and their decimals [J]."""

LOW, HIGH = 0.6, 1.2
"""Ratios of measured to expected heat that are in order: the loop's capacity and losses are only roughly known."""


_MOST_LOST = 0.1


@dataclass(frozen=True, slots=True)
class _Expected:
    """Heat that should have been handed over between two samples, and electricity spent [J]."""

    begin: int
    end: int
    heat_j: float
    electric_j: float
    duration_s: float


def check_energy(recording: Recording, layout: SiteLayout, before: Verdict) -> Verdict:
    """Judge every heat instrument of a unit that had a step; `before` says what is wrong already."""
    verdict = Verdict()
    units = {unit.unit.id: unit for unit in layout.units}
    for step in recording.steps:
        unit = units[step.unit_id]
        if unit.sink is None:
            continue
        expected = _expected(recording, unit, step, before)
        verdict += _meter(recording, unit, expected)
        verdict += _power(recording, unit, expected)
        verdict += _hydraulic(recording, unit, expected, before)
    return verdict


def _expected(recording: Recording, unit: UnitLayout, step: Step, before: Verdict) -> _Expected | None:
    """What the first law expects, None where the electric power is not known."""
    unit_id = unit.unit.id
    power = recording.of(unit_id, "electric_power")
    begin, end = step.begin, step.rest_end - 1
    times = recording.times_s[begin : end + 1]
    if power is None or before.has(f"{unit_id}.electric_power") or end - begin < 3:
        return None
    if float(np.isnan(power[begin : end + 1]).mean()) > _MOST_LOST or np.isnan(power[[begin, end]]).any():
        return None
    electric_j = _integral(times, power[begin : end + 1])
    loop = recording.of(unit_id, "loop_temperature")
    heat_j = electric_j * unit.heat_share
    if loop is not None and not before.has(f"{unit_id}.loop_temperature"):
        part = loop[begin : end + 1]
        known = part[~np.isnan(part)]
        if known.size:
            heat_j -= unit.unit.heat_capacity_j_per_k * float(known[-1] - known[0])
            if unit.water:
                lost_w = unit.unit.case_ua_w_per_k * (float(known.mean()) - PLANT_ROOM_TEMP_C)
                heat_j -= max(lost_w, 0.0) * float(times[-1] - times[0])
    return _Expected(begin, end, heat_j, electric_j, float(times[-1] - times[0]))


def _integral(times: Floats, power: Floats) -> float:
    known = ~np.isnan(power)
    return float(np.trapezoid(power[known], times[known])) if known.sum() > 1 else float("nan")


def _worth(expected: _Expected | None) -> bool:
    """Whether enough was to be expected: a third of the electricity, so that stores and losses do not rule."""
    return expected is not None and expected.heat_j > 0.3 * expected.electric_j and expected.heat_j > 2e4


def _meter(recording: Recording, unit: UnitLayout, expected: _Expected | None) -> Verdict:
    unit_id = unit.unit.id
    series = recording.of(unit_id, "heat_meter")
    if series is None:
        return Verdict()
    steps = np.diff(series[~np.isnan(series)])
    falls, rises = steps[steps < 0], steps[steps > 0]
    if falls.size and float(-falls.sum()) > float(rises.sum()):
        said = f"it fell by {_kwh(-float(falls.sum()))} in {falls.size} steps and rose by {_kwh(float(rises.sum()))}"
        todo = "look at the meter's two sensors (supply and return exchanged?) and at its side of the pipe"
        return _one("meter-backwards", unit_id, "heat_meter", said, todo, 0.95)
    return _counted(unit_id, series, rises, expected)


def _counted(unit_id: str, series: Floats, rises: Floats, expected: _Expected | None) -> Verdict:
    """Judge what a meter that does not fall counted."""
    where = f"{unit_id}.heat_meter"
    part = np.array([]) if expected is None else series[expected.begin : expected.end + 1]
    if not _worth(expected) or expected is None or np.isnan(part[[0, -1]]).any():
        why = "too little electricity was spent in the step, or one of both was not read"
        return Verdict((), (Unjudged(where=where, what="energy", reason=why),))
    part = part[~np.isnan(part)]
    counted_j = float(part[-1] - part[0]) if part.size > 1 else 0.0
    quantum_j = float(rises.min()) if rises.size else resolution_j(float(series[~np.isnan(series)][0]))
    if counted_j == 0.0 and expected.heat_j >= 3.0 * quantum_j:
        said = f"it stood still while {_kwh(expected.heat_j)} were expected"
        todo = "look at the meter's sensors and its supply, and whether its address is the energy's"
        return _one("meter-stands", unit_id, "heat_meter", said, todo, 0.8)
    if counted_j < 5.0 * quantum_j and rises.size < 5:
        why = f"it may count steps of {_kwh(quantum_j)}, too coarse for the {_kwh(expected.heat_j)} that were expected"
        return Verdict((), (Unjudged(where=where, what="energy", reason=why),))
    return _ratio(unit_id, "heat_meter", counted_j / expected.heat_j, expected, counted_j)


def resolution_j(counter_j: float) -> float:
    """What a counter that stands still seems to count in: the coarsest usual step that divides its value [J]."""
    for step_j in RESOLUTIONS_J:
        if abs(counter_j / step_j - round(counter_j / step_j)) * step_j < 1e-3 * min(step_j, 3.6e3):
            return step_j
    return RESOLUTIONS_J[-1]


def _power(recording: Recording, unit: UnitLayout, expected: _Expected | None) -> Verdict:
    unit_id = unit.unit.id
    series = recording.of(unit_id, "heat_power")
    if series is None:
        return Verdict()
    part = slice(0, 0) if expected is None else slice(expected.begin, expected.end + 1)
    if not _worth(expected) or expected is None or float(np.isnan(series[part]).mean()) > _MOST_LOST:
        why = "too little electricity was spent in the step, or one of both was not read"
        return Verdict((), (Unjudged(where=f"{unit_id}.heat_power", what="energy", reason=why),))
    heat_j = _integral(recording.times_s[part], series[part])
    ratio = heat_j / expected.heat_j
    if LOW <= ratio <= HIGH:
        return Verdict()
    mistake = explain_ratio(ratio, POWERS, within=1.9)
    said = f"its integral is {_kwh(heat_j)}, by electricity {_kwh(expected.heat_j)} were expected"
    if mistake is not None:
        return _one(mistake.code, unit_id, "heat_power", f"{said}: {mistake.name}", mistake.todo)
    if float(np.ptp(series[~np.isnan(series)])) == 0.0:
        todo = "look at the instrument: it repeats an old value"
        return _one("frozen", unit_id, "heat_power", f"{float(np.nanmean(series)):.4g} W all the time; {said}", todo)
    return _mismatch(unit_id, "heat_power", said, heat_j, expected)


def _hydraulic(recording: Recording, unit: UnitLayout, expected: _Expected | None, before: Verdict) -> Verdict:
    """Heat by flow and both temperatures; names the three together, for the sum does not say which is wrong."""
    unit_id = unit.unit.id
    flow = recording.of(unit_id, "flow")
    supply, back = recording.of(unit_id, "supply_temperature"), recording.of(unit_id, "return_temperature")
    if flow is None or supply is None or back is None or not _worth(expected) or expected is None:
        return Verdict()
    points = ("flow", "supply_temperature", "return_temperature")
    if any(before.has(f"{unit_id}.{point}") for point in points):
        return Verdict()
    part = slice(expected.begin, expected.end + 1)
    heat_w = flow[part] * WATER_CP_J_PER_KG_K * (supply[part] - back[part])
    if float(np.isnan(heat_w).mean()) > _MOST_LOST:
        return Verdict()
    heat_j = _integral(recording.times_s[part], heat_w)
    ratio = heat_j / expected.heat_j
    if LOW <= ratio <= HIGH:
        return Verdict()
    said = f"flow x 4.18 kJ/(kg·K) x (supply - return) gives {_kwh(heat_j)}, {_kwh(expected.heat_j)} were expected"
    return _mismatch(unit_id, "flow", said, heat_j, expected)


def _ratio(unit_id: str, point: str, ratio: float, expected: _Expected, heat_j: float) -> Verdict:
    if LOW <= ratio <= HIGH:
        return Verdict()
    said = f"it counted {_kwh(heat_j)}, by electricity {_kwh(expected.heat_j)} were expected"
    mistake = explain_ratio(ratio, ENERGIES, within=1.25)  # GJ for MWh is 3.6, a wrong pulse value often 2.5
    if mistake is not None:
        return _one("wrong-unit", unit_id, point, f"{said}: {mistake.name}", mistake.todo)
    return _mismatch(unit_id, point, said, heat_j, expected)


def _mismatch(unit_id: str, point: str, said: str, heat_j: float, expected: _Expected) -> Verdict:
    if heat_j > expected.electric_j * HIGH:
        said += f"; that is more than the {_kwh(expected.electric_j)} of electricity"
        todo = "look at pulse value and unit of the meter, and whether another heater feeds the same pipe"
        return _one("energy-mismatch", unit_id, point, said, todo)
    todo = "look at pulse value, sensors and the meter's place in the pipe; electric power may be another unit's"
    return _one("energy-mismatch", unit_id, point, said, todo, 0.7)


def _kwh(energy_j: float) -> str:
    return f"{energy_j / 3.6e6:.4g} kWh"


def _one(code: str, entity_id: str, point: str, evidence: str, todo: str, confidence: float = 0.9) -> Verdict:
    finding = Finding(code=code, entity_id=entity_id, point=point, evidence=evidence, todo=todo, confidence=confidence)
    return Verdict((finding,))
