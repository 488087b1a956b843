"""The host's account of a month: heat delivered, comfort kept, other heaters, electricity to refund, promises kept."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ondol.accounting.host_days import J_PER_KWH, HostDay, MeteredHeat, host_days, midnight
from ondol.accounting.host_promises import Promise, distinct
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SinkId, SiteId
from ondol.model.ledger import EnergyRow, HeatRow, Tier

_MONTH = re.compile(r"(19[7-9][0-9]|[2-8][0-9]{3})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSink:
    """What is to be told of one room, tank or pool.

    Parameters
    ----------
    promises : what was promised, each for its time, the most important first
    backup_on : spans in which its other heater was ordered to run; None where it has none
    backup_power_w : rated, 0 where not stated [W]
    backup_heat : its heat by its own meter, window by window; empty where it has none
    """

    sink_id: SinkId
    name: str
    promises: tuple[Promise, ...] = ()
    backup_on: tuple[tuple[dt.datetime, dt.datetime], ...] | None = None
    backup_power_w: float = 0.0
    backup_heat: tuple[MeteredHeat, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkMonth:
    """One sink's month; sums over its days, named as `HostDay` has them.

    Parameters
    ----------
    inside_share : time inside of the host's band over time with a temperature and a band; None without any
    promises : those of its days, one after the other
    kept_days, missed_days, unknown_days : by the promise; all 0 where nothing is promised
    """

    sink_id: SinkId
    name: str
    promises: tuple[Promise, ...]
    days: tuple[HostDay, ...]
    heat_kwh: float
    demanded_kwh: float
    shortfall_kwh: float
    backup_kwh: float | None
    backup_s: float | None
    discomfort_kh: float
    inside_share: float | None
    kept_days: int
    missed_days: int
    unknown_days: int
    missing_kwh: float

    @property
    def backup_basis(self) -> str:
        """How its other heater's heat is known: "metered", "ordered", "partly metered", or "" where it is not."""
        return basis_of(self.days)


def basis_of(days: Iterable[HostDay]) -> str:
    """How the heat of other heaters is known over some days; "" where it is not known at all."""
    told = {day.backup_metered for day in days if day.backup_kwh is not None}
    if len(told) == 2:  # of the one kind and of the other
        return "partly metered"
    return "" if not told else "metered" if True in told else "ordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatement:
    """A site's month.

    Parameters
    ----------
    month : "2026-01", local
    start, end : of the month in the site's local time, as UTC; `until` is how far it has come
    partial : whether the month is not over, or the ledger begins inside of it
    observed_share : ledger rows over the time from `start` to `until`, of the sink that has the most
    electricity_kwh : of all units with the overhead, drawn at the site's meter; of it by tier of measurement
    refund_eur : electricity at the agreed tariff; None where none is set
    missing_kwh : promised heat that did not come, to be refunded where that was agreed

    `backup_basis` tells how the heat of other heaters is known, as `SinkMonth` has it.
    """

    site_id: SiteId
    site_name: str
    timezone: str
    month: str
    start: dt.datetime
    end: dt.datetime
    until: dt.datetime
    partial: bool
    observed_share: float
    sinks: tuple[SinkMonth, ...]
    heat_kwh: float
    discomfort_kh: float
    inside_share: float | None
    backup_kwh: float | None
    electricity_kwh: float
    electricity_by_tier: tuple[tuple[Tier, float], ...]
    eur_per_kwh: float | None
    refund_eur: float | None
    kept_days: int
    missed_days: int
    unknown_days: int
    missing_kwh: float

    @property
    def backup_basis(self) -> str:
        """How the heat of other heaters is known, over all sinks and days."""
        return basis_of(day for sink in self.sinks for day in sink.days)


def month_span(month: str, timezone: str) -> tuple[dt.datetime, dt.datetime]:
    """Begin and end of a local month, in UTC.

    Parameters
    ----------
    month : "2026-01"
    timezone : IANA name

    Raises
    ------
    InvalidFieldError : no month
    """
    found = _MONTH.fullmatch(month)
    if found is None:
        raise InvalidFieldError("month", month, "a month like 2026-01, from 1970-01 on")
    first = dt.date(int(found[1]), int(found[2]), 1)
    following = (first + dt.timedelta(days=32)).replace(day=1)
    zone = ZoneInfo(timezone)
    return midnight(first, zone), midnight(following, zone)


def host_statement(
    *,
    site_id: SiteId,
    site_name: str,
    timezone: str,
    month: str,
    now: dt.datetime,
    sinks: Sequence[HostSink],
    heat: Sequence[HeatRow],
    energy: Sequence[EnergyRow],
    eur_per_kwh: float | None = None,
) -> HostStatement:
    """Give the statement of a site's local month.

    Parameters
    ----------
    now : the month is told up to here
    heat, energy : rows of the site that touch the month; rows at its edges count by their time inside
    eur_per_kwh : agreed for electricity [€/kWh]

    Raises
    ------
    InvalidFieldError : no month, or one that has not begun
    """
    start, end = month_span(month, timezone)
    if now <= start:
        raise InvalidFieldError("month", month, f"a month that has begun by {now.isoformat()}")
    until = min(end, now)
    months = tuple(_sink_month(sink, heat, start, until, timezone) for sink in sorted(sinks, key=lambda s: s.sink_id))
    inside = [day for sink in months for day in sink.days]
    felt_s = math.fsum(day.felt_s for day in inside)
    parts = [(row, part) for row in energy if (part := _part(row, start, until)) > 0.0]
    electricity_kwh = math.fsum(row.energy_j * part for row, part in parts) / J_PER_KWH
    backups = [sink.backup_kwh for sink in months if sink.backup_s is not None]
    first = min([until, *(row.start for row in heat), *(row.start for row in energy)])
    observed = max((math.fsum(day.observed_s for day in sink.days) for sink in months), default=0.0)
    return HostStatement(
        site_id=site_id,
        site_name=site_name,
        timezone=timezone,
        month=month,
        start=start,
        end=end,
        until=until,
        partial=until < end or first > start,
        observed_share=min(1.0, observed / (until - start).total_seconds()),
        sinks=months,
        heat_kwh=math.fsum(sink.heat_kwh for sink in months),
        discomfort_kh=math.fsum(sink.discomfort_kh for sink in months),
        inside_share=math.fsum(day.inside_s for day in inside) / felt_s if felt_s > 0.0 else None,
        backup_kwh=_sum(backups),
        electricity_kwh=electricity_kwh,
        electricity_by_tier=_by_tier(parts),
        eur_per_kwh=eur_per_kwh,
        refund_eur=None if eur_per_kwh is None else electricity_kwh * eur_per_kwh,
        kept_days=sum(sink.kept_days for sink in months),
        missed_days=sum(sink.missed_days for sink in months),
        unknown_days=sum(sink.unknown_days for sink in months),
        missing_kwh=math.fsum(sink.missing_kwh for sink in months),
    )


def _sink_month(
    sink: HostSink, heat: Sequence[HeatRow], start: dt.datetime, until: dt.datetime, timezone: str
) -> SinkMonth:
    days = host_days(
        sink.sink_id,
        heat,
        start=start,
        end=until,
        timezone=timezone,
        promises=sink.promises,
        backup_on=sink.backup_on,
        backup_power_w=sink.backup_power_w,
        backup_heat=sink.backup_heat,
    )
    felt_s = math.fsum(day.felt_s for day in days)
    return SinkMonth(
        sink_id=sink.sink_id,
        name=sink.name,
        promises=distinct(day.promise for day in days),
        days=days,
        heat_kwh=math.fsum(day.heat_kwh for day in days),
        demanded_kwh=math.fsum(day.demanded_kwh for day in days),
        shortfall_kwh=math.fsum(day.shortfall_kwh for day in days),
        backup_kwh=_sum([day.backup_kwh for day in days]),
        backup_s=_sum([day.backup_s for day in days]),
        discomfort_kh=math.fsum(day.discomfort_kh for day in days),
        inside_share=math.fsum(day.inside_s for day in days) / felt_s if felt_s > 0.0 else None,
        kept_days=sum(day.kept is True for day in days),
        missed_days=sum(day.kept is False for day in days),
        unknown_days=sum(day.kept is None for day in days if day.promise is not None),
        missing_kwh=math.fsum(day.missing_kwh or 0.0 for day in days),
    )


def _sum(values: Sequence[float | None]) -> float | None:
    """Sum of what is known; None where one part is not, or there is none."""
    known = [value for value in values if value is not None]
    return math.fsum(known) if known and len(known) == len(values) else None


def _by_tier(parts: Sequence[tuple[EnergyRow, float]]) -> tuple[tuple[Tier, float], ...]:
    kwh = {tier: [row.energy_j * part / J_PER_KWH for row, part in parts if row.tier is tier] for tier in Tier}
    return tuple((tier, math.fsum(values)) for tier, values in kwh.items() if values)


def _part(row: HeatRow | EnergyRow, start: dt.datetime, end: dt.datetime) -> float:
    inside_s = (min(row.end, end) - max(row.start, start)).total_seconds()
    return max(0.0, inside_s) / (row.end - row.start).total_seconds()
