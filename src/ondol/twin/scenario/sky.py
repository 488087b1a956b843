"""Weather and mains water of a climate as a year of hours, packaged or from a file of RT2012's form."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.signals.sun import facade_w_m2, sun_altitude_rad
from ondol.signals.weather import ZONES
from ondol.signals.year import HOURS_OF_YEAR, STANDARD_TIME, Floats, read_packed

_RT2012_COLUMNS = 12
_SUN_W_M2 = (0.0, 1500.0, "W/m²")  # more than the sun gives outside the air, 1361 W/m²
_POSSIBLE = {  # of the columns after the time; another unit, such as kelvin, falls out of it
    _RT2012_COLUMNS: (_SUN_W_M2, _SUN_W_M2, (-90.0, 60.0, "°C")),
    2: ((-2.0, 60.0, "°C"),),
}


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """A year of hours on the UTC+1 clock, each (8760,).

    Parameters
    ----------
    temp_c : dry bulb [°C]
    solar_w_m2 : sun on a mean façade, see `signals.sun` [W/m²]
    mains_c : cold water [°C]
    """

    temp_c: Floats
    solar_w_m2: Floats
    mains_c: Floats


def read_sky(climate: str, mains: str, latitude_deg: float, longitude_deg: float, base: Path) -> Sky:
    """Read the year of a climate.

    Parameters
    ----------
    climate : H1a, H2b, H3, or the path of a weather file of RT2012's form (8,760 rows of 12 columns)
    mains : "" for that of the packaged climate, else a path (8,760 rows of 2 columns)
    base : folder that relative paths count from

    Raises
    ------
    NotFoundError : there is no such climate or file
    InvalidFieldError : a file of another form, or values that are not finite
    """
    if climate in ZONES:
        table = read_packed(f"weather_{climate}.csv.gz")
        temp, direct, diffuse = table[:, 0], table[:, 1], table[:, 2]
    else:
        table = _table(base / climate, _RT2012_COLUMNS, f"one of {', '.join(ZONES)}, or a weather file")
        temp, direct, diffuse = table[:, 3], table[:, 1], table[:, 2]
    if mains:
        water = _table(base / mains, 2, "a file of mains temperatures")[:, 1]
    elif climate in ZONES:
        water = read_packed(f"mains_{climate}.csv.gz").ravel()
    else:
        # Kusuda's damped, delayed wave reduced to its mean and a third of the yearly swing of the air, six weeks late.
        months = np.convolve(np.tile(temp, 3), np.ones(720) / 720, mode="same")[HOURS_OF_YEAR : 2 * HOURS_OF_YEAR]
        water = temp.mean() + (np.roll(months, 6 * 168) - temp.mean()) / 3.0
    return Sky(temp, _facade(direct, diffuse, latitude_deg, longitude_deg), np.asarray(water))


def _table(path: Path, columns: int, allowed: str) -> Floats:
    if not path.is_file():
        raise NotFoundError("climate", f"{path} (allowed: {allowed})")
    try:
        table = np.loadtxt(path, skiprows=2, dtype=np.float64, usecols=range(columns), encoding="latin-1")
    except (ValueError, IndexError) as error:
        raise InvalidFieldError(str(path), str(error), f"{HOURS_OF_YEAR} rows of {columns} numbers") from error
    if table.shape[0] != HOURS_OF_YEAR:
        raise InvalidFieldError(str(path), f"{table.shape[0]} rows", f"{HOURS_OF_YEAR} rows, one an hour")
    if not np.isfinite(table[:, : min(columns, 4)]).all():
        row = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
        raise InvalidFieldError(f"{path} row {row + 3}", "not a number", "finite numbers")
    for column, (low, high, unit) in enumerate(_POSSIBLE[columns], 1):
        wrong = np.flatnonzero((table[:, column] < low) | (table[:, column] > high))
        if len(wrong):
            at = f"{path} row {int(wrong[0]) + 3}, column {column + 1}"
            raise InvalidFieldError(at, float(table[wrong[0], column]), f"{low:g} to {high:g} {unit}")
    if not (np.diff(table[:, 0]) > 0).all():
        row = int(np.flatnonzero(np.diff(table[:, 0]) <= 0)[0])
        raise InvalidFieldError(f"{path} row {row + 4}", float(table[row + 1, 0]), "times in rising order, each once")
    return table


def _facade(direct: Floats, diffuse: Floats, latitude_deg: float, longitude_deg: float) -> Floats:
    """Sun on a mean façade in the middle of each hour [W/m²]."""
    start = dt.datetime(2022, 1, 1, 0, 30, tzinfo=STANDARD_TIME)
    hours = (start + dt.timedelta(hours=hour) for hour in range(HOURS_OF_YEAR))
    return np.array(
        [
            facade_w_m2(beam, sky, sun_altitude_rad(hour, latitude_deg, longitude_deg))
            for beam, sky, hour in zip(direct.tolist(), diffuse.tolist(), hours, strict=True)
        ]
    )
