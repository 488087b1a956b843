"""Puts another climate, trace or grid into a scenario: what somebody wants to see the same benchmark with."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from ondol.model.checks import check_choice
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.signals.carbon import COUNTRIES
from ondol.signals.weather import ZONES
from ondol.twin.scenario import Scenario
from ondol.twin.scenario.nouns import SiteSpec

FORMATS = {".csv": "csv", ".swf": "swf", ".gz": "swf", ".parquet": "surf"}
"""What a trace is taken for by the ending of its name."""

SOURCES = ("csv", "swf", "greco", "surf", "azure")
_LATITUDE, _LONGITUDE = 10, 11  # columns of a weather file


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What takes the place of a scenario's own; "" leaves it.

    Parameters
    ----------
    trace : path of a workload. All else that the scenario says of work stays: its own classes and deadlines hold only
        where the scenario's shares of on-demand, flex and harvest are all 0; else classes are drawn anew by the shares
    trace_format : one of `SOURCES`; "" goes by the ending, see `FORMATS`
    weather : H1a, H2b, H3 or the path of a weather file, for all sites; a file tells where on earth they are, too
    carbon : BE, FR, NL or the path of a carbon file
    method : direct or life-cycle, behind a carbon file; "" for life-cycle
    prices : path of a price file
    """

    trace: str = ""
    trace_format: str = ""
    weather: str = ""
    carbon: str = ""
    method: str = ""
    prices: str = ""

    def __post_init__(self) -> None:
        if self.trace_format:
            check_choice("trace-format", self.trace_format, SOURCES)
        if self.method:
            check_choice("carbon-method", self.method, ("direct", "life-cycle"))
        for option, path in self.files().items():
            if not Path(path).is_file():
                raise NotFoundError(option, path)
        if self.trace and not self.trace_format and Path(self.trace).suffix not in FORMATS:
            endings = ", ".join(FORMATS)
            raise InvalidFieldError("trace", self.trace, f"a file that ends in {endings}, or --trace-format beside it")

    def files(self) -> dict[str, str]:
        """Paths by the option that names them."""
        named = {"trace": self.trace, "weather": self.weather, "carbon": self.carbon, "prices": self.prices}
        packaged = (*ZONES, *COUNTRIES, "")
        return {option: path for option, path in named.items() if path not in packaged}

    def digest(self) -> bytes:
        """Of what the files hold; empty where nothing is changed."""
        parts = [msgspec.json.encode(self)] if self != Changes() else []
        parts += [hashlib.sha256(Path(path).read_bytes()).digest() for path in self.files().values()]
        return b"".join(parts)


NO_CHANGES = Changes()


def changed(scenario: Scenario, changes: Changes) -> Scenario:
    """Give the scenario with other files in it, their paths absolute."""
    work, grid, sites = scenario.work, scenario.grid, scenario.site
    if changes.trace:
        kind = changes.trace_format or FORMATS[Path(changes.trace).suffix]
        work = msgspec.structs.replace(work, source=kind, path=_absolute(changes.trace), from_day=0.0)
    if changes.carbon in COUNTRIES:
        grid = msgspec.structs.replace(grid, country=changes.carbon, path="", method="direct")
    elif changes.carbon:
        method = changes.method or "life-cycle"
        grid = msgspec.structs.replace(grid, path=_absolute(changes.carbon), method=method)
    if changes.prices:
        grid = msgspec.structs.replace(grid, price_path=_absolute(changes.prices))
    if changes.weather:
        sites = tuple(_elsewhere(site, changes.weather) for site in sites)
    return msgspec.structs.replace(scenario, work=work, grid=grid, site=sites)


def _elsewhere(site: SiteSpec, weather: str) -> SiteSpec:
    if weather in ZONES:
        return msgspec.structs.replace(site, climate=weather, mains="")
    latitude, longitude = _place(Path(weather))
    return msgspec.structs.replace(
        site, climate=_absolute(weather), mains="", latitude_deg=latitude, longitude_deg=longitude
    )


def _place(path: Path) -> tuple[float, float]:
    """Latitude and longitude as the first row of a weather file has them [°]."""
    try:
        row = np.loadtxt(path, skiprows=2, max_rows=1, dtype=np.float64, encoding="latin-1", ndmin=1)
        latitude, longitude = float(row[_LATITUDE]), float(row[_LONGITUDE])
    except (ValueError, IndexError) as error:
        raise InvalidFieldError(
            str(path), str(error), "rows of 12 numbers, the last two latitude and longitude"
        ) from error
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        raise InvalidFieldError(str(path), (latitude, longitude), "a latitude and a longitude in its last two columns")
    return latitude, longitude


def _absolute(path: str) -> str:
    return str(Path(path).resolve())
