"""A scenario: sites, sinks, units, work, signals, faults; what `SCENARIO.toml` says, checked."""

from __future__ import annotations

import datetime as dt
import math

import msgspec

from ondol.model.checks import check_choice, check_id, check_range, check_text, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.zones import check_timezone
from ondol.signals.carbon import COUNTRIES
from ondol.twin.scenario.sinks import SinkSpec, UnitSpec


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: keys that it does not know are refused."""


class SiteSpec(_Table, frozen=True, kw_only=True):
    """A site, or `count` alike ones whose households and weeks differ.

    Parameters
    ----------
    climate : H1a, H2b or H3 (packaged), or the path of a weather file of the same form as RT2012's
    mains : the same for the cold water; by default that of the climate
    pue : electricity of the compute boundary over that of its IT (ISO/IEC 30134-2)
    electrical_limit_w : most that all its units may draw together [W]
    link_bytes_per_s : of its connection, shared by transfers one after the other
    cache_bytes : of its store of inputs, least recently used go first
    sink : where heat goes, with the units there; rack : units that heat nobody
    """

    id: str
    count: int = 1
    climate: str = "H1a"
    mains: str = ""
    latitude_deg: float = 48.8
    longitude_deg: float = 2.0
    timezone: str = "Europe/Paris"
    pue: float = 1.0
    electrical_limit_w: float = 1e9
    link_bytes_per_s: float = 12.5e6
    cache_bytes: float = 1e12
    sink: tuple[SinkSpec, ...] = ()
    rack: tuple[UnitSpec, ...] = ()

    def __post_init__(self) -> None:
        check_id("site.id", self.id)
        check_whole(f"site[{self.id}].count", self.count, 1, 1_000_000)
        check_range(f"site[{self.id}].pue", self.pue, 1.0, 3.0)
        check_range(f"site[{self.id}].electrical_limit_w", self.electrical_limit_w, 1.0, 1e12, "W")
        check_range(f"site[{self.id}].link_bytes_per_s", self.link_bytes_per_s, 1.0, 1e12, "B/s")
        check_range(f"site[{self.id}].cache_bytes", self.cache_bytes, 0.0, 1e18, "B")
        check_range(f"site[{self.id}].latitude_deg", self.latitude_deg, -90.0, 90.0, "°")
        check_range(f"site[{self.id}].longitude_deg", self.longitude_deg, -180.0, 180.0, "°")
        check_timezone(f"site[{self.id}].timezone", self.timezone)
        if not self.sink and not self.rack:
            raise InvalidFieldError(f"site[{self.id}]", "no sink and no rack", "at least one of them")
        ids = [sink.id for sink in self.sink]
        for twice in sorted({one for one in ids if ids.count(one) > 1}):
            raise InvalidFieldError(f"site[{self.id}].sink.id", twice, "used once only in its site")


class WorkSpec(_Table, frozen=True, kw_only=True):
    """Where work comes from, and what is made of it.

    Parameters
    ----------
    source : csv, swf, greco, surf, azure or generator
    path : of the trace; relative to the scenario's file, or to the data folder
    load : work over the span / capacity of all heating units; 0 takes the trace as it is
    heat_load : the same against the mean heat demand: electric energy of the work / heat wanted; 0: not used
    from_day : day of the trace with which the scenario begins
    on_demand, flex, harvest : shares of the tasks, summing to 1; all 0 keeps what the trace says
    flex_slack_h : hours that flex work may wait, drawn evenly from this list
    resumable : share of tasks that checkpoint
    jitter_s : of copies that multiply the load [s]
    with_data : give tasks input data, sizes as in the greco trace's catalogue
    jobs : how many, for the generator; 0: as many as `load` needs
    """

    source: str = "generator"
    path: str = ""
    datasets: str = ""
    load: float = 0.0
    heat_load: float = 0.0
    from_day: float = 0.0
    on_demand: float = 0.3
    flex: float = 0.5
    harvest: float = 0.2
    flex_slack_h: tuple[float, ...] = (6.0, 12.0, 24.0, 48.0)
    resumable: float = 0.5
    jitter_s: float = 1800.0
    with_data: bool = False
    jobs: int = 0

    def __post_init__(self) -> None:
        check_choice("work.source", self.source, ("csv", "swf", "greco", "surf", "azure", "generator"))
        if self.source != "generator":
            check_text("work.path", self.path, 1000)
        check_range("work.load", self.load, 0.0, 100.0)
        check_range("work.heat_load", self.heat_load, 0.0, 100.0)
        check_range("work.from_day", self.from_day, 0.0, 1e5, "days")
        check_range("work.resumable", self.resumable, 0.0, 1.0)
        check_range("work.jitter_s", self.jitter_s, 0.0, 1e7, "s")
        check_whole("work.jobs", self.jobs, 0, 100_000_000)
        shares = self.on_demand + self.flex + self.harvest
        if min(self.on_demand, self.flex, self.harvest) < 0 or not (shares == 0 or abs(shares - 1) < 1e-9):
            raise InvalidFieldError("work.on_demand + flex + harvest", shares, "1, or all of them 0")
        if not self.flex_slack_h or not all(0 < hours < math.inf for hours in self.flex_slack_h):
            raise InvalidFieldError("work.flex_slack_h", self.flex_slack_h, "hours above 0, at least one")
        if self.load and self.heat_load:
            raise InvalidFieldError("work.load, work.heat_load", (self.load, self.heat_load), "at most one of them")


class GridSpec(_Table, frozen=True, kw_only=True):
    """Carbon and price of electricity.

    Parameters
    ----------
    country : FR, BE or NL of the packaged series; not used with a path
    path : of a series: Parquet with timestamp and carbon_intensity, or CSV with a time and a value column
    method : name of the method behind the factors; the backup's must be the same ("direct" or "life-cycle")
    price_eur_per_kwh : where no price path is given
    price_path : CSV of EUR/MWh by date and start hour, EPEX style
    """

    country: str = "FR"
    path: str = ""
    method: str = "direct"
    price_eur_per_kwh: float = 0.20
    price_path: str = ""

    def __post_init__(self) -> None:
        if not self.path:
            check_choice("grid.country", self.country, COUNTRIES)
        check_choice("grid.method", self.method, ("direct", "life-cycle"))
        if not self.path and self.method != "direct":
            allowed = "direct with the packaged series of a country: two methods are never mixed"
            raise InvalidFieldError("grid.method", self.method, allowed)
        check_range("grid.price_eur_per_kwh", self.price_eur_per_kwh, 0.0, 10.0, "€/kWh")


class BackupSpec(_Table, frozen=True, kw_only=True):
    """What heats where compute does not.

    Parameters
    ----------
    kind : gas (condensing, collective), heat_pump or district
    """

    kind: str = "gas"

    def __post_init__(self) -> None:
        check_choice("backup.kind", self.kind, ("gas", "heat_pump", "district"))


class OverflowSpec(_Table, frozen=True, kw_only=True):
    """The ordinary data centre that takes what cannot wait; its heat is lost. Same nodes for policies and bound."""

    nodes: int = 100
    idle_w: float = 30.0
    max_w: float = 84.0
    off_w: float = 1.0
    boot_s: float = 120.0
    off_after_s: float = 600.0
    pue: float = 1.4

    def __post_init__(self) -> None:
        check_whole("overflow.nodes", self.nodes, 0, 1_000_000)
        check_range("overflow.max_w", self.max_w, 1.0, 20_000.0, "W")
        check_range("overflow.idle_w", self.idle_w, 0.0, self.max_w * 0.99, "W (below max_w)")
        check_range("overflow.off_w", self.off_w, 0.0, max(self.idle_w, 1e-9), "W (not above idle_w)")
        check_range("overflow.boot_s", self.boot_s, 0.0, 86_400.0, "s")
        if not self.off_after_s >= 0:
            raise InvalidFieldError("overflow.off_after_s", self.off_after_s, "seconds from 0, or inf for never")
        check_range("overflow.pue", self.pue, 1.0, 3.0)


FORECASTS = ("perfect", "real", "learned", "persistence")


class ForecastSpec(_Table, frozen=True, kw_only=True):
    """How forecasts come about, and how wrong they are; AR(1) errors of stated stationary size.

    Parameters
    ----------
    kind : perfect, real (the truth with errors), learned (from what sensors have shown) or persistence (as yesterday)
    temp_sigma_k : of outdoor temperature [K]
    carbon_sigma : relative, of grid carbon
    demand_sigma : relative, of draws and networks; of what hosts say before there are readings, where it is learned
    phi : AR(1) coefficient from hour to hour
    history_days : days before the begin in which sensors were read and the backup alone heated; unset means none
    """

    kind: str = "real"
    temp_sigma_k: float = 1.5
    carbon_sigma: float = 0.1
    demand_sigma: float = 0.25
    phi: float = 0.9
    history_days: int | msgspec.UnsetType = msgspec.UNSET  # not written where unset: digests stay as they were

    def __post_init__(self) -> None:
        check_choice("forecast.kind", self.kind, FORECASTS)
        check_range("forecast.temp_sigma_k", self.temp_sigma_k, 0.0, 10.0, "K")
        check_range("forecast.carbon_sigma", self.carbon_sigma, 0.0, 1.0)
        check_range("forecast.demand_sigma", self.demand_sigma, 0.0, 2.0)
        check_range("forecast.phi", self.phi, 0.0, 0.9999)
        if self.history_days is not msgspec.UNSET:
            check_whole("forecast.history_days", self.history_days, 0, 60)


class FaultSpec(_Table, frozen=True, kw_only=True):
    """What goes wrong.

    Parameters
    ----------
    node_mtbf_h : mean time between failures of a node; inf: never [h]
    node_mttr_h : mean time to repair [h]
    sensor_noise_k : standard deviation of every temperature that policies see [K]
    """

    node_mtbf_h: float = float("inf")
    node_mttr_h: float = 4.0
    sensor_noise_k: float = 0.0

    def __post_init__(self) -> None:
        if not self.node_mtbf_h > 0:
            raise InvalidFieldError("fault.node_mtbf_h", self.node_mtbf_h, "hours above 0, or inf")
        check_range("fault.node_mttr_h", self.node_mttr_h, 0.01, 1e5, "h")
        check_range("fault.sensor_noise_k", self.sensor_noise_k, 0.0, 5.0, "K")


class Scenario(_Table, frozen=True, kw_only=True):
    """A fleet, its surroundings and its work over a span of time.

    Parameters
    ----------
    begin : aware time; calendar of weather, carbon and schedules
    days : how long
    step_s : thermal step; power is averaged over it [s]
    place_s : least time between decisions; 0 decides at every event [s]
    plan_s : between plans of policies that plan [s]
    filler : whether there is spare work without end that may be run for heat alone
    """

    name: str
    begin: dt.datetime
    days: float
    step_s: float = 300.0
    place_s: float = 60.0
    plan_s: float = 900.0
    seed: int = 1
    filler: bool = True
    site: tuple[SiteSpec, ...]
    overflow: OverflowSpec = OverflowSpec()
    work: WorkSpec = WorkSpec()
    grid: GridSpec = GridSpec()
    backup: BackupSpec = BackupSpec()
    forecast: ForecastSpec = ForecastSpec()
    fault: FaultSpec = FaultSpec()

    def __post_init__(self) -> None:
        check_text("name", self.name, 100)
        if self.begin.tzinfo is None:
            raise InvalidFieldError("begin", self.begin.isoformat(), "a time with a zone, e.g. 2026-01-05T00:00:00Z")
        check_range("days", float(self.days), 0.01, 3660.0, "days")
        check_range("step_s", float(self.step_s), 10.0, 3600.0, "s")
        check_range("place_s", float(self.place_s), 0.0, float(self.step_s), "s (not above step_s)")
        check_range("plan_s", float(self.plan_s), 60.0, 86_400.0, "s")
        check_whole("seed", self.seed, 0, 2**31)
        if not self.site:
            raise InvalidFieldError("site", "none", "at least one site")
        ids = [site.id for site in self.site]
        for twice in sorted({one for one in ids if ids.count(one) > 1}):
            raise InvalidFieldError("site.id", twice, "used once only")

    @property
    def steps(self) -> int:
        """Whole thermal steps of the span."""
        return max(1, round(self.days * 86_400.0 / self.step_s))
