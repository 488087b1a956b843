"""How figures are put into words on the terminal."""

from __future__ import annotations

import datetime as dt
import math
import re

UNKNOWN = "–"
_TIMESPAN = re.compile(r"(?:(\d+)\.)?(\d+):(\d\d):(\d\d)(?:\.\d+)?")


def power(power_w: float | None) -> str:
    """Power [W] with its unit."""
    if power_w is None or not math.isfinite(power_w):
        return UNKNOWN
    if abs(power_w) < 999.5:
        return f"{power_w:.0f} W"
    if abs(power_w) < 999_500:
        return f"{_three(power_w / 1e3)} kW"
    return f"{_three(power_w / 1e6)} MW"


def energy(energy_kwh: float | None) -> str:
    """Energy [kWh] with a unit that suits it."""
    if energy_kwh is None or not math.isfinite(energy_kwh):
        return UNKNOWN
    if abs(energy_kwh) < 0.9995:
        return f"{_three(energy_kwh * 1e3)} Wh"
    return f"{_three(energy_kwh)} kWh" if abs(energy_kwh) < 999.5 else f"{_three(energy_kwh / 1e3)} MWh"


def grams(co2e_g: float) -> str:
    """Carbon [gCO2e], in kg from 1 kg on, to three digits."""
    from ondol.report.statement_words import amount

    return amount(co2e_g, "gCO2e")


def temperature(temp_c: float | None) -> str:
    """Temperature [°C]."""
    return UNKNOWN if temp_c is None or not math.isfinite(temp_c) else f"{temp_c:.1f} °C"


def size(count: int | float | None) -> str:
    """Bytes in powers of 1024."""
    if count is None:
        return UNKNOWN
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1023.95:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def span(seconds: float | None) -> str:
    """Length of time, at most two units."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    whole = round(abs(seconds))
    sign = "-" if seconds < 0 and whole else ""
    if whole < 60:
        return f"{sign}{whole} s"
    if whole < 3600:
        return f"{sign}{whole // 60} min" + (f" {whole % 60:02d} s" if whole < 600 else "")
    if whole < 86_400:
        return f"{sign}{whole // 3600} h {whole % 3600 // 60:02d}"
    return f"{sign}{whole // 86_400} d {whole % 86_400 // 3600} h"


def timespan_s(text: object) -> float | None:
    """Seconds of a duration as the wire has it, `[d.]hh:mm:ss[.f]`; None for anything else."""
    match = _TIMESPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return days * 86_400 + hours * 3600 + minutes * 60 + seconds


def wire_time(text: object) -> dt.datetime | None:
    """Read a time of the wire; None where it says "no date" or nothing that can be read."""
    if not isinstance(text, str) or not text or text.startswith("0001-"):
        return None
    try:
        when = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=dt.UTC)


def clock(text: object) -> str:
    """A time of the wire, to the minute, UTC."""
    when = wire_time(text)
    return UNKNOWN if when is None else when.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def _three(value: float) -> str:
    """Three significant digits, at most two decimals."""
    if value == 0:
        return "0"
    places = max(0, min(2, 2 - math.floor(math.log10(abs(value)))))
    return f"{value:.{places}f}"
