"""Series from files: stamped values read, checked for order, doubles and gaps, and laid over a year of hours."""

from __future__ import annotations

import csv
import datetime as dt
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.signals.year import HOURS_OF_YEAR, Floats

MOST_MISSING_H = 72
LONGEST_GAP_S = 3 * 3600.0  # filled linearly; anything longer is refused


def read_stamped(path: Path, value: str = "") -> tuple[Floats, Floats]:
    """Read times [s since the epoch, UTC] and values of a Parquet or CSV file.

    Parameters
    ----------
    value : name of the value column; by default the first column of numbers beside the times

    Raises
    ------
    NotFoundError : there is no such file
    InvalidFieldError : stamps that are unsorted, double or too far apart; values that are no finite numbers
    """
    if not path.is_file():
        raise NotFoundError("series file", str(path))
    try:
        stamps, values = _parquet(path, value) if path.suffix == ".parquet" else _csv(path, value)
    except (UnicodeDecodeError, pa.ArrowException) as error:
        raise InvalidFieldError(str(path), str(error), "a Parquet file, or a CSV file in UTF-8") from error
    if len(stamps) < 2:
        raise InvalidFieldError(str(path), f"{len(stamps)} rows", "at least two stamped rows")
    _check(path, stamps, values)
    return stamps, values


def read_prices(path: Path) -> tuple[Floats, Floats]:
    """Read an EPEX-style CSV (date, start_hour, …, price_euros_mwh): times and prices [€/kWh]."""
    if not path.is_file():
        raise NotFoundError("price file", str(path))
    stamps: list[float] = []
    prices: list[float] = []
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                at = dt.datetime.fromisoformat(f"{row['date']}T{row['start_hour']}:00").replace(tzinfo=dt.UTC)
                price = float(row["price_euros_mwh"])
            except (KeyError, ValueError, TypeError) as error:
                allowed = "columns date, start_hour and price_euros_mwh"
                raise InvalidFieldError(f"{path}:{number}", str(row), allowed) from error
            # Local time skips and doubles an hour when the clocks change, and comes to an hour more or less for it
            if stamps and not -1.0 <= (at.timestamp() - stamps[0]) / 3600.0 - len(stamps) <= 1.0:
                allowed = "an hour after the row above, but where the clocks change"
                raise InvalidFieldError(f"{path}:{number}", f"{row['date']} {row['start_hour']}", allowed)
            if not math.isfinite(price):
                raise InvalidFieldError(f"{path}:{number}", price, "a finite number of €/MWh")
            stamps.append(at.timestamp())
            prices.append(price / 1000.0)
    if not prices:
        raise InvalidFieldError(str(path), "0 rows", "at least one row of date, start_hour and price_euros_mwh")
    # Local exchange time skips and doubles an hour when the clocks change: the day's hours are kept in their order.
    times = np.asarray(stamps[0] + 3600.0 * np.arange(len(stamps)), dtype=np.float64)
    return times, np.asarray(prices, dtype=np.float64)


def by_hour_of_year(stamps_s: Floats, values: Floats) -> Floats:
    """Mean of each hour of a year (UTC), shape (8760,); later years are averaged with earlier ones.

    What is missing, up to `MOST_MISSING_H` at a stretch, is that hour of the last day that is there.
    Raises InvalidFieldError where more is missing.
    """
    sums, counts = np.zeros(HOURS_OF_YEAR), np.zeros(HOURS_OF_YEAR)
    days = np.floor(stamps_s / 86_400.0).astype(np.int64)
    for day in np.unique(days).tolist():
        date = dt.date(1970, 1, 1) + dt.timedelta(days=day)
        if (date.month, date.day) == (2, 29):
            continue
        first = (dt.date(2022, date.month, date.day).timetuple().tm_yday - 1) * 24
        rows = np.flatnonzero(days == day)
        hours = first + ((stamps_s[rows] - day * 86_400.0) // 3600.0).astype(np.int64)
        np.add.at(sums, hours, values[rows])
        np.add.at(counts, hours, 1.0)
    known = np.flatnonzero(counts)
    holes = np.diff(np.concatenate([known, [known[0] + HOURS_OF_YEAR]])) if len(known) else np.array([HOURS_OF_YEAR])
    if holes.max() > MOST_MISSING_H + 1:
        allowed = f"a year of hours, of which at most {MOST_MISSING_H} at a stretch are missing"
        raise InvalidFieldError("series", f"{int(holes.max()) - 1} hours of the year are missing", allowed)
    hourly = np.divide(sums, counts, out=np.full(HOURS_OF_YEAR, np.nan), where=counts > 0)
    while (missing := np.flatnonzero(np.isnan(hourly))).size:
        hourly[missing] = hourly[missing - 24]
    return np.asarray(hourly)


def _check(path: Path, stamps: Floats, values: Floats) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InvalidFieldError(f"{path} row {int(bad[0]) + 1}", float(values[bad[0]]), "a finite number")
    step = np.diff(stamps)
    for wrong, allowed in (
        (step == 0, "each stamp once"),
        (step < 0, "stamps in rising order"),
        (step > max(LONGEST_GAP_S, 1.5 * float(np.median(step))), f"gaps of at most {LONGEST_GAP_S / 3600:.0f} h"),
    ):
        rows = np.flatnonzero(wrong)
        if len(rows):
            at = dt.datetime.fromtimestamp(float(stamps[rows[0] + 1]), dt.UTC).isoformat()
            raise InvalidFieldError(f"{path} row {int(rows[0]) + 2}", at, allowed)


def _parquet(path: Path, value: str) -> tuple[Floats, Floats]:
    table = pq.read_table(path)
    names = table.column_names
    stamp = next((name for name in names if str(table.schema.field(name).type).startswith("timestamp")), None)
    wanted = value or next((n for n in names if n != stamp and "double" in str(table.schema.field(n).type)), "")
    if stamp is None or wanted not in names:
        raise InvalidFieldError(str(path), ", ".join(names), "a timestamp column and a column of numbers")
    stamps = table.column(stamp).cast("timestamp[us]").to_numpy().astype("datetime64[us]").astype(np.int64) / 1e6
    return np.asarray(stamps, dtype=np.float64), np.asarray(table.column(wanted).to_numpy(), dtype=np.float64)


def _csv(path: Path, value: str) -> tuple[Floats, Floats]:
    stamps: list[float] = []
    values: list[float] = []
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        head = next(rows, [])
        column = head.index(value) if value in head else 1
        for number, row in enumerate(rows, 2):
            try:
                at = dt.datetime.fromisoformat(row[0])
                values.append(float(row[column]))
            except (ValueError, IndexError) as error:
                raise InvalidFieldError(f"{path}:{number}", ",".join(row), "a time (ISO 8601) and a number") from error
            stamps.append((at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp())
    return np.array(stamps), np.array(values)
