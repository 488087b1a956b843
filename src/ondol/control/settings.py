"""How a platform is to run: what the operator decides before it starts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

from ondol.control.container_house import ImageSettings
from ondol.control.preconditions import check_rate
from ondol.control.readings_in import KEPT_DAYS
from ondol.control.results import MOST_BYTES
from ondol.control.site_cache import SITE_CACHE_BYTES
from ondol.model.checks import check_range
from ondol.model.fleet import Fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a platform is to run.

    Parameters
    ----------
    data : its folder
    clock_rate : platform seconds per wall second, 0.01 to `FASTEST_CLOCK`; only the first start sets the clock
    begin : platform time of the first start, None for now
    sandbox : "auto", "bubblewrap" or "none"
    lease_s : after which jobs end by themselves where the platform is gone, 0.5 to 86 400 [s, wall]
    record : whether ticks are recorded for replay
    results_bytes : most that one attempt may upload as results, sizes as `ls` shows them [bytes]
    database_url : "" for that of the last start, which is a SQLite file in `data` unless another was named
    site_cache_bytes : most that each site keeps of inputs that were fetched, ≥ 0 [bytes]
    keep_readings_days : readings of points that are older are removed, 0 for never, to 36 500 [d]
    containers : whether tasks may run in containers where this machine can
    images : how container images are kept
    """

    data: Path
    fleet: Fleet
    policy: str = "follow"
    clock_rate: float = 1.0
    begin: dt.datetime | None = None
    sandbox: str = "auto"
    lease_s: float = 60.0
    record: bool = True
    results_bytes: int = MOST_BYTES
    database_url: str = ""
    site_cache_bytes: int = SITE_CACHE_BYTES
    keep_readings_days: float = KEPT_DAYS
    containers: bool = True
    images: ImageSettings = field(default_factory=ImageSettings)

    def __post_init__(self) -> None:
        check_rate("--clock-rate", self.clock_rate)
        check_range("--keep-readings", self.keep_readings_days, 0.0, 36_500.0, "days")
