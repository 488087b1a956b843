"""The weather of the heat wave: the hottest fortnight of the packaged year, made as hot as August 2003."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from ondol.signals.year import HOURS_OF_YEAR, Floats, read_packed

FILE = "heat-wave-H1a.txt.gz"
PEAK_C = 39.5
"""Highest temperature at Paris-Montsouris in August 2003 (Météo-France; 40.4 °C of 1947 was the record until 2019)."""

FIRST_DAY, LAST_DAY, RAMP_DAYS = 203, 217, 2
"""Days of the year, from 0, of the hottest fortnight of H1a (mean 23.0 °C, highest 33.0 °C): 23 July to 5 August."""


def heat_wave_c() -> Floats:
    """Dry bulb temperature of each hour of the year [°C]: H1a, its fortnight shifted so that the highest is `PEAK_C`.

    The shift sets in over two days before and fades over two days after; sun and humidity stay.
    """
    temp: Floats = read_packed("weather_H1a.csv.gz")[:, 0].copy()
    inside = slice(FIRST_DAY * 24, LAST_DAY * 24)
    shift_k = PEAK_C - float(temp[inside].max())
    day = (np.arange(HOURS_OF_YEAR) + 0.5) / 24.0
    ramp = np.minimum(day - (FIRST_DAY - RAMP_DAYS), LAST_DAY + RAMP_DAYS - day) / RAMP_DAYS
    return np.asarray(temp + shift_k * np.clip(ramp, 0.0, 1.0))


def write_heat_wave(path: Path) -> None:
    """Write the year as a weather file of RT2012's form; columns that no reader here looks at are 0."""
    table = read_packed("weather_H1a.csv.gz")
    lines = [
        "#1",
        "double data(8760,12) # H1a (EDF-Lab/BuildSysPro, BSD-3), fortnight shifted: ondol.twin.heatbench.heat_wave",
    ]
    for hour, (temp, row) in enumerate(zip(heat_wave_c().tolist(), table.tolist(), strict=True)):
        lines.append(f"{hour * 3600 + 1800}\t{row[1]:g}\t{row[2]:g}\t{temp:.3f}\t0\t0\t0\t0\t0\t0\t48.8\t2")
    path.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n", mtime=0))
