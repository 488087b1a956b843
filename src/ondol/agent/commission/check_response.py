"""Which sensor answers to which heater: rooms, tanks and pools by the shape that a step should give them.

Every sensor is fitted by ``T(t) = a + b t + c t² + β E(t)`` over quiet time, step and rest, where E is the rise that
the step's heat should give its sink, by the fleet file's sizes. β is about 1 where the sensor is in its place, and 0
where it is elsewhere; sizes are rough, so only a factor of four is held against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.agent.commission.finding import Finding, Unjudged, Verdict
from ondol.agent.commission.recording import Recording, Step
from ondol.agent.layout import SinkLayout, SiteLayout, UnitLayout
from ondol.model.points import PointKey
from ondol.model.sink import SwimmingPool, Tank
from ondol.thermal.arrays import Floats
from ondol.thermal.water import WATER_CP_J_PER_KG_K, WATER_DENSITY_KG_PER_M3

LEAST_RISE_K = 0.25
ANSWERS, SILENT = 0.25, 0.12
FROZEN_K = 0.6
UPSIDE_DOWN_K = 1.0
_CORRELATED = 3.0  # residuals of neighbouring samples go together: errors are so much larger than by chance alone


@dataclass(frozen=True, slots=True)
class Answer:
    """How a sensor answered to one step: β, its error, and the largest rise that was expected [K]."""

    share: float
    error: float
    rise_k: float


def check_response(recording: Recording, layout: SiteLayout, before: Verdict) -> Verdict:
    """Judge every sink's sensors by the steps of its units; `before` says what is wrong already."""
    verdict = _layers(recording, layout, before)
    dead = {finding.entity_id for finding in before.findings if finding.point == "power_cap"}
    units = {unit.unit.id: unit for unit in layout.units}
    groups = {group.sink.id: group for group in layout.sinks}
    for step in recording.steps:
        unit = units[step.unit_id]
        if unit.sink is None or unit.unit.id in dead:
            continue
        verdict += _sink(recording, layout, groups[unit.sink.id], unit, step, before + verdict)
    return verdict


def _sink(
    recording: Recording, layout: SiteLayout, group: SinkLayout, unit: UnitLayout, step: Step, before: Verdict
) -> Verdict:
    sink_id = group.sink.id
    keys = recording.sensors(sink_id)
    where = f"{sink_id}.temperature"
    if not keys or any(before.has(str(key)) for key in keys):
        return Verdict()
    shape = _expected_rise(recording, group, unit, step)
    if shape is None or shape.max() < LEAST_RISE_K:
        rise_k = 0.0 if shape is None else float(shape.max())
        why = f"{unit.unit.id} was to lift it by {rise_k:.2f} K only; a longer step tells more"
        return Verdict((), (Unjudged(where=where, what="place", reason=why),))
    answer = fit_answer(recording, keys, _window(recording, step), shape)
    frozen = _frozen(recording, keys, shape)
    if frozen.findings or answer is None:
        return frozen
    if answer.share >= ANSWERS or _any_layer_rises(recording, keys, step, shape):
        return Verdict()
    if answer.share + 2.0 * answer.error > ANSWERS:
        why = f"answer {answer.share:.2f} ± {answer.error:.2f} of what was expected: disturbed, e.g. by draws or doors"
        return Verdict((), (Unjudged(where=where, what="place", reason=why),))
    return _misplaced(recording, layout, group, unit, step, answer)


def _misplaced(
    recording: Recording, layout: SiteLayout, group: SinkLayout, unit: UnitLayout, step: Step, answer: Answer
) -> Verdict:
    """Say whether another sink's sensor answered in its place."""
    said = f"{unit.unit.id} was to lift it by {answer.rise_k:.2f} K; it showed {answer.share:.2f} of that"
    best: tuple[float, str] | None = None
    for other in layout.sinks:
        keys = recording.sensors(other.sink.id)
        shape = _expected_rise(recording, group, unit, step)
        if other.sink.id == group.sink.id or not keys or shape is None:
            continue
        theirs = fit_answer(recording, keys, _window(recording, step), shape)
        if theirs is not None and theirs.share > 2.0 * ANSWERS and theirs.share > 3.0 * theirs.error:
            best = max(best or (0.0, ""), (theirs.share, other.sink.id))
    if best is not None:
        todo = (
            f"exchange the sensors (or addresses) of {group.sink.id} and {best[1]}; or the heater is in the other one"
        )
        said += f", while {best[1]} showed {best[0]:.2f}"
        return _one("wrong-place", group.sink.id, said, todo, 0.95)
    if answer.share < -ANSWERS:
        return _one("wrong-sign", group.sink.id, said, "look at the sensor: it falls while it is heated", 0.7)
    todo = "look where the sensor is: outside, in another room, or another device's address; or the heat goes elsewhere"
    return _one("no-response", group.sink.id, said, todo, 0.85)


def _expected_rise(recording: Recording, group: SinkLayout, unit: UnitLayout, step: Step) -> Floats | None:
    """Rise of a sink over quiet time, step and rest that its own unit's extra power should give [K]."""
    begin, end = _window(recording, step)
    times = recording.times_s[begin:end]
    power = recording.of(unit.unit.id, "electric_power")
    if power is None or np.nanmax(power) < unit.idle_w * 0.5 or np.nanmax(power) > 2.0 * unit.power_max_w:
        extra = np.where((np.arange(begin, end) >= step.begin) & (np.arange(begin, end) < step.end), 1.0, 0.0)
        extra *= step.high_w - step.low_w
    else:
        base = float(np.nanmedian(power[begin : step.begin]))
        extra = np.nan_to_num(power[begin:end] - base)
    shape = np.zeros(times.size)
    if group.model is not None:
        state, rest = np.zeros(3), np.zeros(3)
        for k in range(1, times.size):
            dt_s = round(float(times[k] - times[k - 1]), 1)
            state = group.model.advance(state, float(extra[k]), 0.0, dt_s)
            rest = group.model.advance(rest, 0.0, 0.0, dt_s)  # gains act in both
            shape[k] = state[0] - rest[0]
        return shape
    capacity = _capacity_j_per_k(group)
    tau_s = unit.unit.heat_capacity_j_per_k / max(unit.loop_w_per_k, 1e-9)
    loop_w = 0.0
    for k in range(1, times.size):
        dt_s = float(times[k] - times[k - 1])
        loop_w += (unit.heat_share * float(extra[k]) - loop_w) * (1.0 - np.exp(-dt_s / max(tau_s, 1.0)))
        shape[k] = shape[k - 1] + loop_w * dt_s / capacity
    return shape


def _capacity_j_per_k(group: SinkLayout) -> float:
    sink = group.sink
    litres = (
        sink.volume_l if isinstance(sink, Tank) else sink.volume_m3 * 1e3 if isinstance(sink, SwimmingPool) else 1e3
    )
    return litres / 1e3 * WATER_DENSITY_KG_PER_M3 * WATER_CP_J_PER_KG_K


def _window(recording: Recording, step: Step) -> tuple[int, int]:
    """From as long before the step as it took, to the end of the rest."""
    return max(step.begin - (step.end - step.begin), 0), min(step.rest_end, recording.times_s.size)


def fit_answer(
    recording: Recording, keys: tuple[PointKey, ...], window: tuple[int, int], shape: Floats
) -> Answer | None:
    """Fit how sensors, in their mean, follow a rise over a window of samples; None where too few spoke."""
    begin, end = window
    rows = [recording.values[key][begin:end] for key in keys]
    mean = np.mean(rows, axis=0)
    t = (recording.times_s[begin:end] - recording.times_s[begin]) / 3600.0
    known = ~np.isnan(mean)
    if known.sum() < 12:
        return None
    columns = np.stack([np.ones_like(t), t, t**2, shape], axis=1)[known]
    found, *_ = np.linalg.lstsq(columns, mean[known], rcond=None)
    left = mean[known] - columns @ found
    variance = float(left @ left) / (known.sum() - 4)
    try:
        error = _CORRELATED * float(np.sqrt(variance * np.linalg.inv(columns.T @ columns)[3, 3]))
    except np.linalg.LinAlgError:
        return None
    return Answer(float(found[3]), error, float(shape.max()))


def _any_layer_rises(recording: Recording, keys: tuple[PointKey, ...], step: Step, shape: Floats) -> bool:
    """Of a tank: draws cool the mean, but what is charged warms some layer all the same."""
    if len(keys) < 2:
        return False
    begin = max(step.begin - 1, 0)
    for key in keys:
        series = recording.values[key]
        if float(np.nanmax(series[begin : step.rest_end]) - series[begin]) > 0.5 * float(shape.max()):
            return True
    return False


def _frozen(recording: Recording, keys: tuple[PointKey, ...], shape: Floats) -> Verdict:
    """Sensors that did not move by the last digit, though they should have."""
    verdict = Verdict()
    spans = {key: _span(recording.values[key]) for key in keys}
    for key in keys:
        others = [span for other, span in spans.items() if other != key and abs(other.index - key.index) == 1]
        should = float(shape.max()) if len(keys) == 1 else min(others, default=0.0)
        if spans[key] == 0.0 and should > FROZEN_K:
            series = recording.values[key]
            verdict += _one(
                "frozen",
                key.entity_id,
                f"{float(np.nanmean(series)):.2f} °C in every sample, where {should:.1f} K of change were expected",
                "look at the sensor and its gateway: an old value is repeated",
                index=key.index,
            )
    if len(keys) > 1 and all(span == 0.0 for span in spans.values()):
        said = f"all {len(keys)} layers never moved, where {float(shape.max()):.1f} K of change were expected"
        verdict += _one("frozen", keys[0].entity_id, said, "look at the sensors' gateway: old values are repeated")
    return verdict


def _layers(recording: Recording, layout: SiteLayout, before: Verdict) -> Verdict:
    verdict = Verdict()
    for group in layout.sinks:
        keys = recording.sensors(group.sink.id)
        if not isinstance(group.sink, Tank) or len(keys) < 2 or any(before.has(str(key)) for key in keys):
            continue
        difference = recording.values[keys[0]] - recording.values[keys[-1]]
        difference = difference[~np.isnan(difference)]
        if difference.size and float(np.median(difference)) < -UPSIDE_DOWN_K:
            said = (
                f"the top is {-float(np.median(difference)):.1f} K colder than the bottom; warm water stands above cold"
            )
            todo = "number the sensors from the top: index 0 is the uppermost"
            verdict += _one("layers-upside-down", group.sink.id, said, todo, 0.95)
        elif difference.size and float(np.max(np.abs(difference))) < UPSIDE_DOWN_K:
            why = "the tank is mixed: all its layers have the same temperature"
            verdict += Verdict(
                (), (Unjudged(where=f"{group.sink.id}.temperature", what="order of layers", reason=why),)
            )
    return verdict


def _span(series: Floats) -> float:
    known = series[~np.isnan(series)]
    return float(np.ptp(known)) if known.size else 0.0


def _one(code: str, entity_id: str, evidence: str, todo: str, confidence: float = 0.9, index: int = 0) -> Verdict:
    finding = Finding(
        code=code,
        entity_id=entity_id,
        point="temperature",
        index=index,
        evidence=evidence,
        todo=todo,
        confidence=confidence,
    )
    return Verdict((finding,))
