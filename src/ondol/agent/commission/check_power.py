"""Whether power caps are obeyed, and whether the instruments of electric power and of loops follow."""

from __future__ import annotations

import numpy as np

from ondol.agent.commission.finding import Finding, Unjudged, Verdict
from ondol.agent.commission.mistakes import POWERS, explain_ratio
from ondol.agent.commission.recording import Recording, Step
from ondol.agent.layout import SiteLayout, UnitLayout
from ondol.thermal.arrays import Floats

_MOVED_SHARE = 0.3
_STILL_SHARE = 0.1
_LEAST_LOOP_K = 1.5


def check_power(recording: Recording, layout: SiteLayout) -> Verdict:
    """Judge every unit's cap, its electric power and its loop temperature by its step."""
    verdict = Verdict()
    for key, said in sorted(recording.refused.items()):
        finding = Finding(
            code="actuator-refuses",
            entity_id=key.entity_id,
            point=key.point,
            evidence=said,
            todo="look at write_address, at the device's own limits, and whether remote control is allowed there",
            confidence=1.0,
        )
        verdict += Verdict((finding,))
    steps = {step.unit_id: step for step in recording.steps}
    for unit in layout.units:
        step = steps.get(unit.unit.id)
        if step is None:
            reason = recording.skipped.get(unit.unit.id, "it had no step")
            verdict += Verdict((), (Unjudged(where=unit.unit.id, what="everything that moves", reason=reason),))
            verdict += _restless(recording, unit)
        else:
            verdict += _unit(recording, unit, step)
    return verdict


def _restless(recording: Recording, unit: UnitLayout) -> Verdict:
    """A unit that got no step, perhaps because it heats all the time: it ought to rest in the quiet time."""
    series = recording.of(unit.unit.id, "electric_power")
    if series is None or not recording.caps_driven.get(unit.unit.id, False):
        return Verdict()
    drawn_w = _mean(series[recording.quiet])
    if not drawn_w > unit.idle_w + _MOVED_SHARE * (unit.power_max_w - unit.idle_w):
        return Verdict()
    evidence = f"it drew {drawn_w:.4g} W all through the quiet time, at a cap of {unit.idle_w:.0f} W"
    todo = "look at what the cap is written to: wrong register, wrong device, or local mode; nodes may ignore it"
    return Verdict((_finding("dead-actuator", unit.unit.id, "power_cap", evidence, todo),))


def before_and_in(series: Floats, step: Step) -> tuple[float, float]:
    """Mean just before a step, and over its last third; nan where unknown."""
    third = max((step.end - step.begin) // 3, 1)
    before, within = series[max(step.begin - third, 0) : step.begin], series[step.end - third : step.end]
    return _mean(before), _mean(within)


def _mean(part: Floats) -> float:
    known = part[~np.isnan(part)]
    return float(known.mean()) if known.size else float("nan")


def loop_rise_k(recording: Recording, unit: UnitLayout, step: Step) -> float:
    """How far the loop rose in the step, nan without a sensor [K]."""
    series = recording.of(unit.unit.id, "loop_temperature")
    if series is None:
        return float("nan")
    before, within = before_and_in(series, step)
    return within - before


def _unit(recording: Recording, unit: UnitLayout, step: Step) -> Verdict:
    unit_id = unit.unit.id
    ordered_w = step.high_w - step.low_w
    rise_k, expected_k = loop_rise_k(recording, unit, step), _expected_loop_k(recording, unit, step)
    series = recording.of(unit_id, "electric_power")
    if series is None:
        return _by_loop_alone(unit, rise_k, expected_k)
    before_w, within_w = before_and_in(series, step)
    said = f"{before_w:.4g} W at a cap of {step.low_w:.0f} W, {within_w:.4g} W at {step.high_w:.0f} W"
    change = within_w - before_w
    mistake = explain_ratio(change / ordered_w, POWERS, within=2.0) if abs(change) > 0 else None
    # a small change of many watts is no change of kilowatts: the level has to be as wrong
    if mistake is not None and explain_ratio(within_w / step.high_w, POWERS, within=2.0) is mistake:
        finding = _finding(mistake.code, unit_id, "electric_power", f"{said}: {mistake.name}", mistake.todo)
        return Verdict((finding,)) + _loop(unit, rise_k, expected_k)
    if change >= _MOVED_SHARE * ordered_w:
        return _loop(unit, rise_k, expected_k)
    if abs(change) > _STILL_SHARE * ordered_w:
        why = f"its work drew only {change:.0f} W of {ordered_w:.0f} W more: {said}"
        return Verdict((), (Unjudged(where=unit_id, what="power cap and all that follows", reason=why),))
    warmed = rise_k > max(_MOVED_SHARE * expected_k, _LEAST_LOOP_K)
    return _still(unit, step, before_w, said, rise_k if warmed and np.ptp(series[~np.isnan(series)]) == 0.0 else 0.0)


def _still(unit: UnitLayout, step: Step, before_w: float, said: str, warmed_k: float) -> Verdict:
    """Judge a unit whose electric power did not move; `warmed_k` is not 0 where its loop says otherwise."""
    unit_id = unit.unit.id
    if warmed_k > 0:
        todo = "look at the power meter: its loop warmed by the step, so the unit itself obeys"
        evidence = f"{before_w:.4g} W all the time, while the loop rose by {warmed_k:.1f} K"
        return Verdict((_finding("frozen", unit_id, "electric_power", evidence, todo),))
    if before_w > step.low_w + _MOVED_SHARE * (step.high_w - step.low_w):
        todo = "look at what the cap is written to: wrong register, wrong device, or local mode; nodes may ignore it"
        return Verdict((_finding("dead-actuator", unit_id, "power_cap", f"{said}: the cap changes nothing", todo),))
    why = f"it draws little whatever the cap ({said}): there may be no work on it; give it some, e.g. filler"
    return Verdict((), (Unjudged(where=unit_id, what="power cap and all that follows", reason=why),))


def _expected_loop_k(recording: Recording, unit: UnitLayout, step: Step) -> float:
    """Rise of the loop over what it heats by the power of the step, first order with the unit's own capacity [K]."""
    if unit.loop_w_per_k <= 0:
        return 0.0
    power = recording.of(unit.unit.id, "electric_power")
    rise_w = step.high_w - step.low_w
    if power is not None:
        before_w, within_w = before_and_in(power, step)
        rise_w = min(max(within_w - before_w, 0.0), rise_w)
    duration_s = float(recording.times_s[step.end - 1] - recording.times_s[step.begin])
    reached = 1.0 - np.exp(-duration_s * unit.loop_w_per_k / unit.unit.heat_capacity_j_per_k)
    return float(rise_w / unit.loop_w_per_k * reached)


def _by_loop_alone(unit: UnitLayout, rise_k: float, expected_k: float) -> Verdict:
    if unit.sink is None or np.isnan(rise_k):
        why = "neither electric power nor loop temperature is measured"
        return Verdict((), (Unjudged(where=f"{unit.unit.id}.power_cap", what="actuator", reason=why),))
    if rise_k < 0.1 * expected_k and expected_k > 2 * _LEAST_LOOP_K:
        evidence = f"the loop moved by {rise_k:.1f} K, at full power {expected_k:.1f} K were expected"
        todo = "look whether the cap arrives, whether the unit has work, and at the loop's sensor"
        return Verdict((_finding("dead-actuator", unit.unit.id, "power_cap", evidence, todo, 0.6),))
    return Verdict()


def _loop(unit: UnitLayout, rise_k: float, expected_k: float) -> Verdict:
    where = f"{unit.unit.id}.loop_temperature"
    if np.isnan(rise_k):
        return Verdict()
    if expected_k < _LEAST_LOOP_K:
        why = f"only {expected_k:.1f} K of rise were to be expected"
        return Verdict((), (Unjudged(where=where, what="response", reason=why),))
    if rise_k >= 0.1 * expected_k:
        return Verdict()
    evidence = f"it moved by {rise_k:.2f} K in the step, where about {expected_k:.1f} K were to be expected"
    code = "wrong-sign" if rise_k < -0.3 * expected_k else "frozen" if abs(rise_k) < 1e-9 else "no-response"
    todo = "look at the sensor and its address: it does not see this unit's loop"
    return Verdict((_finding(code, unit.unit.id, "loop_temperature", evidence, todo),))


def _finding(code: str, entity_id: str, point: str, evidence: str, todo: str, confidence: float = 0.9) -> Finding:
    return Finding(code=code, entity_id=entity_id, point=point, evidence=evidence, todo=todo, confidence=confidence)
