"""Packs the small, licensed slices of public data that travel inside Ondol (`src/ondol/signals/data`).

Run once, by a maintainer: ``python tools/pack_signals.py [SHARED_DATA_FOLDER]``. Needs numpy, and pyarrow for the grid
files (not a dependency of Ondol: ``pip install pyarrow``). Values are rounded no further than the header of each file
says; gaps are filled here, once, and said in the header. The same input gives the same text (the SHA-256 sums printed
at the end are of the uncompressed text, which is what the tests hold on to).
"""

from __future__ import annotations

import gzip
import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "src" / "ondol" / "signals" / "data"
ZONES = ("H1a", "H2b", "H3")
BUILDSYSPRO = "EDF-Lab/BuildSysPro, RT2012 conventional weather, BSD-3-Clause, Copyright (c) 2009-2019 EDF"
DHWCALC = (
    "RWTH-EBC/OpenDHW DHWcalc_Files/200L_10min_4cat_sf_ds_max1200.txt, MIT, Copyright (c) 2024 RWTH Aachen E.ON ERC"
)
OPENDC = "atlarge-research/opendc carbon traces 2022 (ENTSO-E origin), MIT, Copyright (c) 2017 AtLarge Research"


def write_packed(name: str, header: Iterable[str], rows: Iterable[str]) -> None:
    """Write one gzip file with a fixed time stamp, so that packing twice gives the same bytes."""
    text = "".join(f"# {line}\n" for line in header) + "".join(f"{row}\n" for row in rows)
    path = OUT / name
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(text.encode())
    sys.stdout.write(
        f"{name}: {path.stat().st_size} bytes, sha256 of text {hashlib.sha256(text.encode()).hexdigest()}\n"
    )


def pack_weather(source: Path, zone: str) -> None:
    """Pack dry bulb, direct normal, diffuse horizontal, sky, humidity and wind of one climate zone."""
    table = np.loadtxt(source / "weather" / f"{zone}.txt", skiprows=2)
    if table.shape != (8760, 12):
        raise SystemExit(f"{zone}: expected 8760 rows of 12 columns, found {table.shape}")
    rows = (
        f"{r[3]:.3f},{r[1]:.1f},{r[2]:.1f},{r[5]:.2f},{min(r[7], 1.0):.4f},{r[8]:.2f}".replace(".0,", ",")
        for r in table
    )
    header = (
        BUILDSYSPRO,
        "row k = middle of hour k of the year, UTC+1",
        "temp_c,direct_normal_w_m2,diffuse_horizontal_w_m2,sky_temp_c,humidity,wind_m_s",
    )
    write_packed(f"weather_{zone}.csv.gz", header, rows)


def pack_mains(source: Path, zone: str) -> None:
    """Pack the temperature of mains water of one climate zone."""
    table = np.loadtxt(source / "weather" / f"eau_froide_{zone}.txt", skiprows=2)
    header = (BUILDSYSPRO, "row k = middle of hour k of the year, UTC+1; mains water temperature [°C]")
    write_packed(f"mains_{zone}.csv.gz", header, (f"{value:g}" for value in table[:, 1]))


def pack_draws(source: Path) -> None:
    """Pack the hot-water draws of one household."""
    litres_per_hour = np.loadtxt(source / "heat" / "opendhw_200L_10min_4cat_sf_ds_max1200.txt")
    if litres_per_hour.shape != (52_560,):
        raise SystemExit(f"hot water: expected 52560 rows, found {litres_per_hour.shape}")
    header = (DHWCALC, "row k = 10 minutes from minute 10 k of the year, day 1 is a Monday; flow [L/h], mean 200 L/day")
    write_packed("hot_water_200l_10min.csv.gz", header, (f"{value:g}" for value in litres_per_hour))


def pack_carbon(source: Path, country: str) -> None:
    """Pack hourly carbon intensity of 2022 of one country; missing hours are interpolated and counted."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(source / "carbon" / f"opendc_2022_{country}.parquet").to_pydict()
    stamps = np.array(table["timestamp"], dtype="datetime64[s]").astype(np.int64)
    values = np.array(table["carbon_intensity"])
    hours = (stamps - np.datetime64("2022-01-01", "s").astype(np.int64)) // 3600
    counts = np.bincount(hours, minlength=8736)[:8736]
    sums = np.bincount(hours, weights=values, minlength=8736)[:8736]
    known = np.flatnonzero(counts)
    hourly = np.interp(np.arange(8736), known, sums[known] / counts[known])
    header = (
        OPENDC,
        "row k = mean of hour k of 2022, UTC, to the end of 30 December [gCO2/kWh]",
        f"missing hours, interpolated: {8736 - known.size}",
    )
    write_packed(f"carbon_2022_{country}.csv.gz", header, (f"{value:.3f}" for value in hourly))


def main() -> None:
    """Pack everything."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    OUT.mkdir(parents=True, exist_ok=True)
    for zone in ZONES:
        pack_weather(source, zone)
        pack_mains(source, zone)
    pack_draws(source)
    for country in ("FR", "BE", "NL"):
        pack_carbon(source, country)


if __name__ == "__main__":
    main()
