"""What a meter's telegram holds, in SI; decoded by pyMeterBus."""

from __future__ import annotations

import functools
import logging
import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ondol.drivers.units import UNITS
from ondol.model.errors import UnavailableError

_KINDS = {
    "ENERGY_WH": "energy",
    "ENERGY_J": "energy",
    "Energy": "energy",
    "POWER_W": "power",
    "POWER_J_H": "power",
    "Power": "power",
    "VOLUME": "volume",
    "Volume": "volume",
    "VOLUME_FLOW": "flow",
    "VOLUME_FLOW_EXT": "flow",
    "VOLUME_FLOW_EXT_S": "flow",
    "MASS_FLOW": "flow",
    "FLOW_TEMPERATURE": "supply",
    "RETURN_TEMPERATURE": "return",
    "EXTERNAL_TEMPERATURE": "outside",
    "ERROR_FLAGS": "flags",
}
"""Type of a record in pyMeterBus (value information, EN 13757-3 table 10 and 12) → our word."""

_APPLICATION_ERROR, _POWER_LOW, _PERMANENT, _TEMPORARY = 0x02, 0x04, 0x08, 0x10
"""Bits of the status byte (EN 13757-3, §6.6)."""


@dataclass(frozen=True, slots=True)
class MeterRecord:
    """One record of a telegram.

    Parameters
    ----------
    kind : "energy", "power", "volume", "flow", "supply", "return", "outside", "flags", or "" for anything else
    value : in the unit `si`; nan where it is no number or the meter says that it has none
    si : unit, as `PointKind.unit` writes it; "" where it is none of these
    present : of now and of the whole: no maximum, stored day or tariff
    """

    kind: str
    value: float
    si: str
    present: bool


@dataclass(frozen=True, slots=True)
class Telegram:
    """A decoded telegram.

    Parameters
    ----------
    meter : maker, number and version, for people
    fault : the meter says that something is wrong with it
    battery_low : its supply is weak
    more : another telegram follows
    """

    meter: str
    fault: bool
    battery_low: bool
    more: bool
    records: tuple[MeterRecord, ...]


def decode_telegram(frame: bytes) -> Telegram:
    """Decode a whole long frame with variable data (CI 72h, 76h or 78h).

    Raises
    ------
    UnavailableError : a telegram with the fixed structure, or one that makes no sense
    """
    if frame[6] in (0x73, 0x77):
        raise UnavailableError(
            "the meter answers in the fixed structure of EN 1434-3 (CI 73h), which is not read; many meters can be set "
            "to the variable one"
        )
    library = _library()
    try:
        telegram = library.TelegramLong.parse(list(frame))
        records = tuple(_record(one) for one in telegram.records if not one.more_records_follow)
        head = telegram.body.bodyHeader
        status = int(head.status_field.parts[0]) if head.status_field.parts else 0
        number = "".join(f"{part:02X}" for part in head.id_nr)
        meter = f"{telegram.manufacturer} {number}"
        more = bool(telegram.more_records_follow)
    except Exception as error:
        # The library meets a damaged telegram with whatever Python raises where it stumbles.
        raise UnavailableError(f"the meter's telegram cannot be decoded: {type(error).__name__}: {error}") from error
    flags = any(one.kind == "flags" and one.value > 0 for one in records)
    application_error = status & 0x03 == _APPLICATION_ERROR
    return Telegram(
        meter=meter,
        fault=bool(status & (_PERMANENT | _TEMPORARY)) or application_error or flags,
        battery_low=bool(status & _POWER_LOW),
        more=more,
        records=records,
    )


def _record(one: Any) -> MeterRecord:
    if one.dib.is_manufacturer_specific or not one.vib.parts:
        return MeterRecord("", math.nan, "", present=False)
    try:
        _, unit, typ, enhancement = one._parse_vifx()  # noqa: SLF001 - the public `interpreted` fails on types as text
    except (KeyError, IndexError):
        return MeterRecord("", math.nan, "", present=False)  # a kind of value that the library does not know
    kind = _KINDS.get(getattr(typ, "name", typ), "")
    storage, tariff, device = one.dib.parse_dife()
    present = one.dib.function_type.value == 0 and not storage and not tariff and not device and enhancement is None
    value = _number(one)
    word = {"C": "°C"}.get(unit, unit) if isinstance(unit, str) else _WORDS.get(unit.value, "")
    if kind == "energy" and word == "Reserved":
        word = "J"  # 100 MJ and 1 GJ (VIF FBh 08h, 09h), whose factor pyMeterBus knows but not their unit
    known = UNITS.get(word)
    if known is None or not word:
        return MeterRecord(kind, value, "", present)
    return MeterRecord(kind, known.to_si(value), known.si, present)


_WORDS = {
    "Wh": "Wh",
    "J": "J",
    "W": "W",
    "J/h": "J/h",
    "m^3": "m³",
    "m^3/h": "m³/h",
    "m^3/min": "m³/min",
    "m^3/s": "m³/s",
    "kg/h": "kg/h",
    "C": "°C",
}


def _number(one: Any) -> float:
    _, encoding = one.dib.length_encoding
    if encoding.name == "ENCODING_BCD" and not _is_bcd(one.dataField.parts):
        return math.nan  # digits A to F: what the meter's display shows as dashes or Err (EN 13757-3, annex B)
    value = one.parsed_value
    if value is None or isinstance(value, (str, bytes)):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _is_bcd(parts: list[int]) -> bool:
    digits = [digit for part in reversed(parts) for digit in (part >> 4, part & 0xF)]
    if digits and digits[0] == 0xF:  # minus
        digits = digits[1:]
    return all(digit <= 9 for digit in digits)


@functools.cache
def _library() -> ModuleType:
    """Import pyMeterBus without the handler that its serial.py hangs on the root logger."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    import meterbus

    root.handlers[:] = handlers
    root.setLevel(level)
    module: ModuleType = meterbus
    return module
