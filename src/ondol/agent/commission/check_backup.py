"""Whether a sink's other heater heats it when it is told to: by the shape that so much heat should give its sensors.

As in `check_response`, every sensor is fitted by ``T(t) = a + b t + c t² + β E(t)`` over rest, run and rest, with E the
rise by the rated power; here the file's power and the sink's size are both rough, so only a factor of four is held
against the heater.
"""

from __future__ import annotations

import math

import numpy as np

from ondol.agent.commission.check_response import ANSWERS, LEAST_RISE_K, Answer, fit_answer
from ondol.agent.commission.finding import Finding, Unjudged, Verdict
from ondol.agent.commission.recording import BackupRun, Recording
from ondol.agent.feed_forward import WATER_J_PER_L_K
from ondol.agent.layout import SinkLayout, SiteLayout
from ondol.agent.pool_demand import pool_capacity_j_per_k
from ondol.model.sink import SwimmingPool, Tank
from ondol.thermal.arrays import Floats

_MASS_SHARE = 0.3  # of a room's mass that takes part within an hour, where no heater of ours tells its model
LEAST_S = {"electric": 300.0, "gas": 600.0, "district": 600.0, "heat_pump": 900.0}
"""A heater of this kind runs at least so long in a trial: burners and compressors take minutes to give heat [s]."""


def most_rise_k(group: SinkLayout) -> float:
    """By how much a trial may warm a sink with its other heater [K]."""
    if isinstance(group.sink, Tank):
        return 2.0
    return 0.3 if isinstance(group.sink, SwimmingPool) else 1.0


def run_s(group: SinkLayout, longest_s: float) -> float:
    """How long the other heater of a sink is to run in a trial [s]."""
    wanted_s = most_rise_k(group) * sink_j_per_k(group) / max(group.sink.backup_power_w, 1.0)
    return min(max(wanted_s, LEAST_S[group.sink.backup_kind]), longest_s)


def sink_j_per_k(group: SinkLayout) -> float:
    """What an hour's heat warms [J/K]."""
    sink = group.sink
    if isinstance(sink, Tank):
        return sink.volume_l * WATER_J_PER_L_K
    if isinstance(sink, SwimmingPool):
        return pool_capacity_j_per_k(sink)
    if group.model is not None:
        return group.model.capacity_1h_j_per_k
    return sink.air_j_per_k + _MASS_SHARE * sink.mass_j_per_k


def check_backup(recording: Recording, layout: SiteLayout, before: Verdict) -> Verdict:
    """Judge the other heaters that were tried; `before` says what is wrong already."""
    verdict = Verdict()
    runs = {run.sink_id: run for run in recording.backups}
    for group in layout.sinks:
        sink = group.sink
        where = f"{sink.id}.backup"
        if sink.id in recording.untried:
            why = recording.untried[sink.id]
            verdict += Verdict((), (Unjudged(where=where, what="whether it heats", reason=why),))
        elif sink.id in runs and not before.has(where):
            verdict += _run(recording, group, runs[sink.id], before)
    return verdict


def _run(recording: Recording, group: SinkLayout, run: BackupRun, before: Verdict) -> Verdict:
    sink_id, keys = group.sink.id, recording.sensors(group.sink.id)
    where = f"{sink_id}.backup"
    shape = _expected_rise(recording, group, run)
    rise_k = float(shape.max())
    if not keys or any(before.has(str(key)) for key in keys):
        why = "no temperature that is in order tells it"
        return Verdict((), (Unjudged(where=where, what="whether it heats", reason=why),))
    if rise_k < LEAST_RISE_K:
        cut = f"; {run.cut}" if run.cut else ""
        why = f"it was to lift {sink_id} by {rise_k:.2f} K only{cut}"
        return Verdict((), (Unjudged(where=where, what="whether it heats", reason=why),))
    answer = fit_answer(recording, keys, (run.rest_begin, run.rest_end), shape)
    if answer is None or answer.share >= ANSWERS:
        return Verdict()
    said = f"told to give {run.power_w:.0f} W it was to lift it by {rise_k:.2f} K; it showed {answer.share:.2f}"
    return _wrong(sink_id, answer, said)


def _wrong(sink_id: str, answer: Answer, said: str) -> Verdict:
    """Say what a rise means that is less than it should be."""
    if answer.share < -ANSWERS and answer.share < -2.0 * answer.error:
        todo = "it heats while it is told to rest: exchange the contact (normally closed), or invert it in the binding"
        return _one("backup-inverted", sink_id, f"{said} of that", todo, 0.85)
    if answer.share + 2.0 * answer.error > ANSWERS:
        why = f"answer {answer.share:.2f} ± {answer.error:.2f} of what was expected: disturbed, e.g. by draws or doors"
        return Verdict((), (Unjudged(where=f"{sink_id}.backup", what="whether it heats", reason=why),))
    todo = "look at its contactor, its fuse and its own thermostat, and whether the binding is another device's"
    return _one("dead-actuator", sink_id, f"{said} of that", todo, 0.85)


def _expected_rise(recording: Recording, group: SinkLayout, run: BackupRun) -> Floats:
    """Rise of a sink from `rest_begin` to `rest_end` that the rated power should give [K]."""
    times = recording.times_s[run.rest_begin : run.rest_end]
    ua_w_per_k = getattr(group.sink, "ua_w_per_k", 0.0) if isinstance(group.sink, Tank) else 0.0
    if group.model is not None:
        ua_w_per_k = group.model.ua_w_per_k
    capacity = sink_j_per_k(group)
    shape = np.zeros(times.size)
    for k in range(1, times.size):
        dt_s = float(times[k] - times[k - 1])
        power_w = run.power_w if run.begin < run.rest_begin + k <= run.end else 0.0
        shape[k] = shape[k - 1] * math.exp(-ua_w_per_k * dt_s / capacity) + power_w * dt_s / capacity
    return shape


def _one(code: str, sink_id: str, evidence: str, todo: str, confidence: float) -> Verdict:
    finding = Finding(code=code, entity_id=sink_id, point="backup", evidence=evidence, todo=todo, confidence=confidence)
    return Verdict((finding,))
