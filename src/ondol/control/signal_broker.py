"""The heat signal on its way to an operator's broker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import msgspec

from ondol.control.heat_signal import HeatSignals
from ondol.control.signal_issue import HOUR_S
from ondol.drivers.mqtt.signal_link import SignalLink
from ondol.report.signal_json import signal_json


def signal_broker(signals: HeatSignals, now: Callable[[], dt.datetime]) -> SignalLink | None:
    """Give what publishes the signal, not opened yet; None where the fleet file names no broker."""
    if not signals.terms.mqtt_host:
        return None

    def areas() -> dict[str, bytes]:
        return {one.area: msgspec.json.encode(signal_json(one)) for one in signals.published(HOUR_S)}

    return SignalLink(signals.terms, areas, now=now)
