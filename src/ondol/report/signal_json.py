"""The heat signal as JSON values: the same over HTTP, as events and over MQTT."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ondol.model.heat_signal import AreaSignal, Range, SignalStep

VERSION = 1


def signal_json(signal: AreaSignal) -> dict[str, Any]:
    """One area with all its steps."""
    return {**head_json(signal), "steps": [step_json(one) for one in signal.steps]}


def head_json(signal: AreaSignal) -> dict[str, Any]:
    """What an area is, and its state of now."""
    return {
        "version": VERSION,
        "area": signal.area,
        "regions": list(signal.regions),
        "sites": signal.sites,
        "heat_power_w": signal.heat_power_w,
        "carbon_basis": signal.carbon_basis or None,
        "issued_at": _time(signal.issued_at),
        "valid_until": _time(signal.valid_until),
        "state": signal.now.state.value,
        "confidence": signal.now.confidence,
        "since": None if signal.since is None else _time(signal.since),
    }


def step_json(step: SignalStep) -> dict[str, Any]:
    """One step."""
    return {
        "start": _time(step.start),
        "end": _time(step.end),
        "state": step.state.value,
        "confidence": step.confidence,
        "wanted_w": _range(step.wanted_w),
        "wasted_w": _range(step.wasted_w),
        "work_w": step.work_w,
        "grid_g_per_kwh": step.grid_g_per_kwh,
        "price_eur_per_kwh": step.price_eur_per_kwh,
    }


def _range(figure: Range) -> dict[str, float]:
    return {"low": figure.low, "central": figure.central, "high": figure.high}


def _time(when: dt.datetime) -> str:
    return f"{when.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
