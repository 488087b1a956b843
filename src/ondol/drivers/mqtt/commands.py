"""Commands of people at the site: from topic and payload to a `Command`, or a reason why it is refused."""

from __future__ import annotations

import datetime as dt

from ondol.drivers.mqtt.limits import Span, power_span, setpoint_span
from ondol.drivers.mqtt.payloads import Address, PayloadRefusedError, read_payload
from ondol.drivers.ports import Command
from ondol.model.fleet import Fleet
from ondol.model.heat_request import PRESETS
from ondol.model.points import POINTS
from ondol.model.sink import Zone

NO_PRESET = "none"
"""What Home Assistant sends when a preset is let go: back to the schedule."""

MODES = ("off", "heat", "auto")

WATER_MODES: dict[str, tuple[str, str]] = {
    "off": ("mode", "off"),
    "electric": ("mode", "auto"),
    "eco": ("preset", "eco"),
    "performance": ("preset", "boost"),
}
"""Modes of a water heater in Home Assistant, which has no presets there → what each asks for. Compute heats with
electricity: "electric" is the schedule, "performance" a boost."""


class CommandReader:
    """Reads commands for the sinks and units of one site.

    Parameters
    ----------
    fleet : the site's part
    source : what `Command.source` says
    """

    def __init__(self, fleet: Fleet, source: str) -> None:
        self._source = source
        self._setpoints: dict[str, Span] = {sink.id: setpoint_span(sink) for sink in fleet.sinks}
        self._powers: dict[str, Span] = {unit.id: power_span(fleet, unit) for unit in fleet.units}
        self._zones = frozenset[str](sink.id for sink in fleet.sinks if isinstance(sink, Zone))

    def read(self, entity_id: str, name: str, payload: bytes, at: dt.datetime) -> Command:
        """Read one command; nothing is clamped.

        Raises
        ------
        PayloadRefusedError : nobody of this name takes such a command, or not with this value
        """
        if entity_id in self._setpoints:
            if name == "setpoint":
                return self._number(entity_id, name, payload, self._setpoints[entity_id], at)
            if name == "preset":
                return self._preset(entity_id, _word(payload), at)
            if name == "mode":
                return self._mode(entity_id, _word(payload), at)
            raise PayloadRefusedError(f"{entity_id} takes setpoint, preset and mode, not {name[:40]!r}")
        if entity_id in self._powers:
            if name == "power_limit":
                return self._number(entity_id, name, payload, self._powers[entity_id], at)
            raise PayloadRefusedError(f"{entity_id} takes power_limit, not {name[:40]!r}")
        raise PayloadRefusedError(f"there is no sink or unit {entity_id[:63]!r} at this site")

    def _number(self, entity_id: str, name: str, payload: bytes, span: Span, at: dt.datetime) -> Command:
        said = read_payload(payload, Address(name), POINTS["temperature" if name == "setpoint" else "electric_power"])
        if said.value not in span:
            raise PayloadRefusedError(f"{said.value:g} is not allowed; allowed: {span}")
        return Command(entity_id=entity_id, name=name, number=said.value, received_at=at, source=self._source)

    def _preset(self, entity_id: str, word: str, at: dt.datetime) -> Command:
        if word == NO_PRESET:
            return self._text(entity_id, "mode", "auto", at)
        if word not in PRESETS:
            raise PayloadRefusedError(f"{word!r} is not allowed; allowed: {', '.join((*PRESETS, NO_PRESET))}")
        return self._text(entity_id, "preset", word, at)

    def _mode(self, entity_id: str, word: str, at: dt.datetime) -> Command:
        if word in MODES:
            return self._text(entity_id, "mode", word, at)
        if entity_id not in self._zones and word in WATER_MODES:
            return self._text(entity_id, *WATER_MODES[word], at)
        known = MODES if entity_id in self._zones else (*MODES, *(mode for mode in WATER_MODES if mode not in MODES))
        raise PayloadRefusedError(f"{word!r} is not allowed; allowed: {', '.join(known)}")

    def _text(self, entity_id: str, name: str, text: str, at: dt.datetime) -> Command:
        return Command(entity_id=entity_id, name=name, text=text, received_at=at, source=self._source)


def _word(payload: bytes) -> str:
    return payload[:40].decode("utf-8", "replace").strip()
