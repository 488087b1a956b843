"""When a sink's other heater runs: against frost, for hygiene, and for what was guaranteed; else compute carries it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ondol.agent.orders import BackupOrder
from ondol.agent.owed_heat import Owed, needs_backup
from ondol.model.heat_request import HeatRequest
from ondol.model.sink import Sink, SwimmingPool, Zone

_LEAST_S = {"electric": 120.0, "gas": 300.0, "district": 300.0, "heat_pump": 600.0}
_HOT_KEPT_S = 3600.0
_GRACE_S = 900.0  # compute that gives what was asked may need so long to turn the temperature round
_FAR_K = 1.0
_CARRIED = 0.8
_PERIOD_S = 1800.0
MISSED_S = 900.0
"""A guarantee that has not been kept for so long is missed [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMemory:
    """What is kept of a sink's backup; all of it is JSON.

    Parameters
    ----------
    on : whether it was told to run
    changed_s : since when, 0 for never [s since the epoch]
    below_s : how long the sink has been below what the backup holds [s]
    missed_s : how long it has been below its guarantee [s]
    hot : it was switched off because the sink was hot enough, which has not cooled since
    """

    on: bool = False
    changed_s: float = 0.0
    below_s: float = 0.0
    missed_s: float = 0.0
    hot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupView:
    """What is known of the sink.

    Parameters
    ----------
    temp_c, hottest_c : nan where the sensor is lost [°C]
    level_c : what the backup holds, nan for nothing [°C]
    frost, hygiene : whether these ask for it
    delivered_share : measured over wanted power of the units, None where nothing was wanted
    blind_w : heat that an unseen room needs, 0 where it is seen [W]
    owed : promised heat that is still to come; None for none
    """

    now_s: float
    dt_s: float
    temp_c: float
    hottest_c: float
    level_c: float
    frost: bool
    hygiene: bool
    delivered_share: float | None
    blind_w: float = 0.0
    owed: Owed | None = None


def level_of(request: HeatRequest | None, setpoint_c: float) -> float:
    """Temperature that a backup has to hold: a guarantee that names it, or a firm request's band; nan for none [°C].

    Parameters
    ----------
    setpoint_c : what the request's schedule asks for now [°C]
    """
    if request is None:
        return math.nan
    levels_c = [request.guaranteed_c] if request.if_missed == "backup" and math.isfinite(request.guaranteed_c) else []
    if request.firm and request.kind == "temperature":
        levels_c.append(setpoint_c - request.band_k)
    return max(levels_c, default=math.nan)


def step_guarantee(request: HeatRequest | None, temp_c: float, dt_s: float, memory: BackupMemory) -> BackupMemory:
    """Count the time below what was guaranteed, whoever was to keep it; an unseen sink stands still."""
    if request is None or math.isnan(request.guaranteed_c):
        return replace(memory, missed_s=0.0)
    if math.isnan(temp_c):
        return memory
    return replace(memory, missed_s=memory.missed_s + dt_s if temp_c < request.guaranteed_c else 0.0)


def step_backup(sink: Sink, view: BackupView, memory: BackupMemory) -> tuple[BackupOrder | None, BackupMemory]:
    """Say whether the backup runs; None where the sink has none."""
    if sink.backup_kind == "none":
        return None, memory
    below = view.temp_c < view.level_c  # never for nan
    memory = replace(memory, below_s=memory.below_s + view.dt_s if below else 0.0)
    wanted, urgent, reason = _wanted(sink, view, memory)
    below_k, release_k = (0.5, 0.5) if isinstance(sink, Zone) else (1.0, 3.0)
    limit_c = sink.temp_max_c - below_k - (release_k if memory.hot else 0.0)
    if not math.isnan(view.hottest_c):
        memory = replace(memory, hot=view.hottest_c >= limit_c)  # a relay must not chatter at the limit
    elif not 0.0 <= view.now_s - memory.changed_s < _HOT_KEPT_S:
        memory = replace(memory, hot=False)  # what is not seen for so long may freeze by now
    hot = memory.hot
    if hot:
        said = "not seen since it was" if math.isnan(view.hottest_c) else f"{view.hottest_c:.1f} °C is"
        wanted, urgent, reason = False, True, f"off: {said} hot enough"
    rested = not memory.changed_s or not 0.0 <= view.now_s - memory.changed_s < _LEAST_S[sink.backup_kind]
    if wanted != memory.on:
        if urgent or rested:
            memory = replace(memory, on=wanted, changed_s=view.now_s)
        else:
            reason = f"{'runs' if memory.on else 'rests'} for its least time"
    return BackupOrder(sink_id=sink.id, on=memory.on, reason=reason), memory


def _wanted(sink: Sink, view: BackupView, memory: BackupMemory) -> tuple[bool, bool, str]:
    """Whether it is to run, whether that cannot wait, and why."""
    if view.frost:
        return True, True, "frost protection"
    if view.hygiene:
        return True, True, "hygiene cycle: compute cannot end it in time"
    if view.blind_w > 0:
        share = min(view.blind_w / sink.backup_power_w, 1.0)
        on = view.now_s % _PERIOD_S < share * _PERIOD_S
        return on, False, f"sensor lost: {100 * share:.0f} % of the time, by the weather"
    on, reason = _for_guarantee(sink, view, memory)
    if on or view.owed is None:
        return on, False, reason
    on, owed = needs_backup(view.owed, view.temp_c, sink.backup_power_w, runs=memory.on)
    return on, False, owed if on or math.isnan(view.level_c) else f"{reason}; {owed}"


def _for_guarantee(sink: Sink, view: BackupView, memory: BackupMemory) -> tuple[bool, str]:
    if math.isnan(view.level_c) or math.isnan(view.temp_c):
        return False, "nothing is guaranteed" if math.isnan(view.level_c) else "sensor lost: cannot be seen"
    carried = view.delivered_share is not None and view.delivered_share >= _CARRIED
    said = f"{view.temp_c:.1f} °C, guaranteed {view.level_c:.1f} °C"
    if memory.on:
        return view.temp_c < view.level_c + (0.0 if carried else _release_k(sink)), said
    if carried and view.level_c - view.temp_c < _FAR_K and memory.below_s < _GRACE_S:
        return False, f"{said}: compute carries it"
    return view.temp_c < view.level_c, said


def _release_k(sink: Sink) -> float:
    if isinstance(sink, Zone):
        return 0.3
    return 0.2 if isinstance(sink, SwimmingPool) else 2.0
