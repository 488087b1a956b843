"""The water side of a boiler: supply and return, flow, the flow switch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ondol.agent.commission.finding import Finding, Unjudged, Verdict
from ondol.agent.commission.mistakes import FLOWS, explain_ratio
from ondol.agent.commission.recording import Recording, Step
from ondol.agent.layout import SiteLayout, UnitLayout
from ondol.model.fleet import Fleet
from ondol.thermal.arrays import Floats

_LEAST_DIFFERENCE_K = 0.4
_LEAST_SAMPLES = 5
_FLOWS_SHARE = 0.3
_LOOP_MOVED_K = 1.5


def check_water(recording: Recording, layout: SiteLayout, fleet: Fleet) -> Verdict:
    """Judge flow, flow switch and the temperatures at the exchanger of every boiler that had a step."""
    verdict = Verdict()
    units = {unit.unit.id: unit for unit in layout.units}
    for step in recording.steps:
        unit = units[step.unit_id]
        if unit.water:
            verdict += _flow(recording, unit, nominal_flow_kg_s(fleet, unit), step)
            verdict += _difference(recording, unit, step)
            verdict += _switch(recording, unit)
            verdict += _still(recording, unit, step)
    return verdict


def nominal_flow_kg_s(fleet: Fleet, unit: UnitLayout) -> float:
    """Flow that the unit's share of its circuit's pump should give [kg/s]."""
    circuit_id = unit.unit.circuit_id
    if circuit_id is None:
        return 0.0
    return fleet.circuit(circuit_id).flow_kg_s / sum(one.circuit_id == circuit_id for one in fleet.units)


def flowing(recording: Recording, unit: UnitLayout) -> NDArray[np.bool_] | None:
    """Samples in which water surely flows, by the flow meter, else by heat that is handed over; None without both."""
    for point in ("flow", "heat_power"):
        series = recording.of(unit.unit.id, point)
        if series is None:
            continue
        size = np.abs(np.nan_to_num(series))
        top = float(np.quantile(size, 0.95))
        if top > 0:
            return np.asarray(size > _FLOWS_SHARE * top)
    return None


def _working(step: Step) -> slice:
    """Second half of a step: the loop is warm by then."""
    return slice((step.begin + step.end) // 2, step.end)


def _flow(recording: Recording, unit: UnitLayout, nominal: float, step: Step) -> Verdict:
    series = recording.of(unit.unit.id, "flow")
    if series is None:
        return Verdict()
    part = series[_working(step)]
    level = float(np.nanmedian(part)) if not np.isnan(part).all() else 0.0
    where = f"{unit.unit.id}.flow"
    if abs(level) < 1e-9 * nominal:
        why = "no flow was seen at full power: the pump may have stood (loop not yet warm), or the meter does not count"
        return Verdict((), (Unjudged(where=where, what="flow", reason=why),))
    ratio = level / nominal
    if 0.25 <= ratio <= 2.2:
        return Verdict()
    said = f"{level:.4g} at full power, where {nominal:.3g} kg/s are the circuit's"
    mistake = explain_ratio(ratio, FLOWS, within=1.8)
    if mistake is not None:
        todo = mistake.todo
        return _one(mistake.code, unit.unit.id, "flow", f"{said}: {mistake.name}", todo)
    todo = "look at the meter's unit and pulse value, at valves, filter and pump, or correct the circuit's flow_kg_s"
    return _one("implausible", unit.unit.id, "flow", said, todo, 0.7)


def _difference(recording: Recording, unit: UnitLayout, step: Step) -> Verdict:
    unit_id = unit.unit.id
    supply, back = recording.of(unit_id, "supply_temperature"), recording.of(unit_id, "return_temperature")
    flows = flowing(recording, unit)
    if supply is None or back is None:
        return Verdict()
    where = f"{unit_id}.supply_temperature"
    chosen = np.zeros(supply.size, dtype=np.bool_)
    chosen[_working(step)] = True
    if flows is not None:
        chosen &= flows
    difference = (supply - back)[chosen]
    difference = difference[~np.isnan(difference)]
    if difference.size < _LEAST_SAMPLES:
        why = "water hardly flowed during the step"
        return Verdict((), (Unjudged(where=where, what="supply against return", reason=why),))
    mean, error = float(difference.mean()), float(difference.std() / np.sqrt(difference.size))
    if abs(mean) < max(_LEAST_DIFFERENCE_K, 4.0 * error):
        why = f"supply and return differed by {mean:.2f} K only"
        return Verdict((), (Unjudged(where=where, what="supply against return", reason=why),))
    if mean > 0:
        return Verdict()
    loop = recording.of(unit_id, "loop_temperature")
    hint = "" if loop is None else f", the loop had {float(np.nanmean(loop[chosen])):.1f} °C"
    said = (
        f"at full power supply had {float(np.nanmean(supply[chosen])):.1f} °C and return "
        f"{float(np.nanmean(back[chosen])):.1f} °C ({mean:.2f} K){hint}"
    )
    return _one(
        "swapped-supply-return",
        unit_id,
        "supply_temperature",
        said,
        "exchange the two sensors, or their addresses in the fleet file; a heat meter wired so does not count up",
        0.95,
    )


def _switch(recording: Recording, unit: UnitLayout) -> Verdict:
    switch = recording.of(unit.unit.id, "flow_switch")
    if switch is None:
        return Verdict()
    where = f"{unit.unit.id}.flow_switch"
    flows = flowing(recording, unit)
    if flows is None:
        return Verdict((), (Unjudged(where=where, what="contact", reason="nothing else tells whether water flows"),))
    known = ~np.isnan(switch)
    on, off = known & flows, known & ~flows
    if on.sum() < _LEAST_SAMPLES:
        return Verdict((), (Unjudged(where=where, what="contact", reason="water hardly flowed"),))
    closed_on = float(switch[on].mean())
    closed_off = float(switch[off].mean()) if off.sum() >= _LEAST_SAMPLES else float("nan")
    if closed_on >= 0.5:
        return Verdict()
    said = f"it said flow in {100 * closed_on:.0f} % of the samples with flow"
    if not np.isnan(closed_off):
        said += f" and in {100 * closed_off:.0f} % of those without"
    sure = 0.95 if closed_off > 0.5 else 0.75
    todo = (
        "give the binding scale = -1 and offset = 1, or use the other contact; if it never closes, look at the switch"
    )
    return _one("flow-switch-inverted", unit.unit.id, "flow_switch", said, todo, sure)


def _still(recording: Recording, unit: UnitLayout, step: Step) -> Verdict:
    """Thermometers at the exchanger that never move while the loop does."""
    loop = recording.of(unit.unit.id, "loop_temperature")
    if loop is None or _span(loop[step.begin : step.rest_end]) < _LOOP_MOVED_K:
        return Verdict()
    verdict = Verdict()
    for point in ("supply_temperature", "return_temperature"):
        series = recording.of(unit.unit.id, point)
        if series is not None and _span(series) == 0.0:
            said = f"{float(np.nanmean(series)):.2f} °C all the time, while the loop moved by {_span(loop):.1f} K"
            todo = "look at the sensor: the device may repeat an old value"
            verdict += _one("frozen", unit.unit.id, point, said, todo)
    return verdict


def _span(series: Floats) -> float:
    known = series[~np.isnan(series)]
    return float(np.ptp(known)) if known.size else 0.0


def _one(code: str, entity_id: str, point: str, evidence: str, todo: str, confidence: float = 0.9) -> Verdict:
    finding = Finding(code=code, entity_id=entity_id, point=point, evidence=evidence, todo=todo, confidence=confidence)
    return Verdict((finding,))
