"""What is wrong before anything moves: silent points, values that cannot be, wrong units and signs of temperatures."""

from __future__ import annotations

import math

import numpy as np

from ondol.agent.commission.finding import Finding, Unjudged, Verdict
from ondol.agent.commission.mistakes import TEMPERATURES, explain
from ondol.agent.commission.recording import Recording
from ondol.agent.layout import PLANT_ROOM_TEMP_C, SiteLayout, UnitLayout
from ondol.model.points import PointKey
from ondol.model.sink import Sink, SwimmingPool, Zone

SILENT_SHARE = 0.5
OUTDOOR_OFF_K = 18.0
"""A typical year's hour and today's differ by less: about three standard deviations of daily means in Europe [K]."""

_ROOM_C, _POOL_C, _WATER_C = (3.0, 36.0), (8.0, 42.0), (3.0, 90.0)
_LOOP_SPARE_K = 20.0


def check_static(
    recording: Recording, layout: SiteLayout, bound: frozenset[PointKey], expected_outdoor_c: float | None
) -> Verdict:
    """Look at the quiet time: every bound point spoke, and every temperature is where it can be.

    Parameters
    ----------
    bound : points that have to be heard; those that are only written aside
    expected_outdoor_c : by the climate of the site, None where it is not known [°C]
    """
    verdict = _silent(recording, bound)
    verdict += _outdoor(recording, layout.site.id, expected_outdoor_c)
    likely: dict[str, tuple[float, float]] = {}
    for group in layout.sinks:
        low, high = _likely_sink(group.sink)
        for key in recording.sensors(group.sink.id):
            verdict += _judge(recording, key, low, high)
        fine = [k for k in recording.sensors(group.sink.id) if not verdict.has(str(k))]
        levels = [_level(recording, key) for key in fine]
        likely[group.sink.id] = (min(levels, default=low), max(levels, default=high))
    for unit in layout.units:
        if unit.sink is None:
            continue
        low, high = _likely_loop(recording, unit, *likely[unit.sink.id])
        for point in ("loop_temperature", "supply_temperature", "return_temperature"):
            for key in recording.sensors(unit.unit.id, point):
                verdict += _judge(recording, key, low, high)
    return verdict


def _silent(recording: Recording, bound: frozenset[PointKey]) -> Verdict:
    found = []
    for key in sorted(bound):
        series = recording.values.get(key)
        heard = 0.0 if series is None else 1.0 - float(np.isnan(series).mean())
        if heard < SILENT_SHARE:
            evidence = f"a value came in {100 * heard:.0f} % of {recording.times_s.size} samples"
            todo = "look at its cable, address and the state of its connection"
            found.append(
                Finding(
                    code="silent",
                    entity_id=key.entity_id,
                    point=key.point,
                    index=key.index,
                    evidence=evidence,
                    todo=todo,
                    confidence=1.0,
                )
            )
    return Verdict(tuple(found))


def _outdoor(recording: Recording, site_id: str, expected_c: float | None) -> Verdict:
    series = recording.of(site_id, "outdoor_temperature")
    if series is None:
        return Verdict()
    if expected_c is None:
        why = "the site's climate is not known, so nothing can be compared"
        return Verdict((), (Unjudged(where=f"{site_id}.outdoor_temperature", what="unit", reason=why),))
    key = PointKey(site_id, "outdoor_temperature")
    return _judge(recording, key, expected_c - OUTDOOR_OFF_K, expected_c + OUTDOOR_OFF_K)


def _likely_sink(sink: Sink) -> tuple[float, float]:
    if isinstance(sink, Zone):
        return _ROOM_C[0], max(_ROOM_C[1], sink.temp_max_c + 4.0)
    if isinstance(sink, SwimmingPool):
        return _POOL_C[0], max(_POOL_C[1], sink.temp_max_c + 2.0)
    return _WATER_C[0], min(_WATER_C[1], sink.temp_max_c + 5.0)


def _likely_loop(recording: Recording, unit: UnitLayout, coldest_c: float, hottest_c: float) -> tuple[float, float]:
    """Of loop, supply and return in the quiet time: between plant room and sink, and what the power lifts them by."""
    power = recording.of(unit.unit.id, "electric_power")
    power_w = unit.idle_w if power is None else float(np.nanmean(power[recording.quiet]))
    # an instrument that tells watts in kW or W read as kW must not widen or narrow this
    power_w = min(max(power_w, unit.idle_w), unit.power_max_w)
    lift_k = min(power_w / max(unit.loop_w_per_k, 1e-9), unit.unit.loop_temp_max_c)
    low = min(coldest_c, PLANT_ROOM_TEMP_C) - _LOOP_SPARE_K
    return max(low, 1.0), max(hottest_c, PLANT_ROOM_TEMP_C) + lift_k + _LOOP_SPARE_K


def _level(recording: Recording, key: PointKey) -> float:
    quiet = recording.values[key][recording.quiet]
    return float(np.nanmedian(quiet)) if not np.isnan(quiet).all() else math.nan


def _judge(recording: Recording, key: PointKey, low: float, high: float) -> Verdict:
    level = _level(recording, key)
    if math.isnan(level) or low <= level <= high:
        return Verdict()
    mistake = explain(level, low, high, TEMPERATURES)
    said = f"it says {level:.1f} °C, where {low:.0f} to {high:.0f} °C are possible"
    if mistake is None:
        return Verdict(
            (
                Finding(
                    code="implausible",
                    entity_id=key.entity_id,
                    point=key.point,
                    index=key.index,
                    evidence=said,
                    todo="look at the sensor: broken wire, wrong type of sensor, or the address of something else",
                ),
            )
        )
    return Verdict(
        (
            Finding(
                code=mistake.code,
                entity_id=key.entity_id,
                point=key.point,
                index=key.index,
                evidence=f"{said}; as {mistake.name} it is {mistake.undone(level):.1f} °C",
                todo=mistake.todo,
            ),
        )
    )
