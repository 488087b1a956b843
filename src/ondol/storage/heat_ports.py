"""The port of what is durable of the heat side: wishes, requests, alarms, readings, hygiene, and who hosts a site."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ondol.lifecycle.request import RequestStatus
from ondol.model.alarm import Alarm
from ondol.model.checks import check_id, check_range
from ondol.model.errors import ConflictError
from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import AccountId, SinkId, SiteId
from ondol.model.points import PointKey, PointReading

CHAIN_BEGIN = "0" * 64
"""What the first row of a tank's hygiene log says of the row before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeRequest:
    """A heat request that was made over the API, and what became of it.

    Parameters
    ----------
    made_by : e-mail of the account that made it
    delivered_j : heat that its units delivered since it began; counted for energy requests only [J]
    meter_j : heat meters of its units together when that was counted; None before [J]
    backup_j : heat of the other heater since then, as ordered: time × rated power [J]
    guarantee : "proposed" by its host, "agreed" or "declined" by the operator; "" where nothing is promised, and in
        rows of before there was a choice: those count as agreed
    guarantee_at, guarantee_by : when that was said, and by whom (e-mail)
    """

    request: HeatRequest
    status: RequestStatus
    made_by: str
    created_at: dt.datetime
    delivered_j: float = 0.0
    meter_j: float | None = None
    backup_j: float = 0.0
    guarantee: str = ""
    guarantee_at: dt.datetime | None = None
    guarantee_by: str = ""

    @property
    def counting(self) -> HeatRequest:
        """The request as it counts: nothing is promised before the operator agreed."""
        return self.request if self.guarantee in ("", "agreed") else self.request.without_guarantee()

    @property
    def promised_at(self) -> dt.datetime | None:
        """Since when its guarantee binds; None where it does not."""
        if not self.counting.guaranteed:
            return None
        return self.created_at if self.guarantee_at is None else max(self.created_at, self.guarantee_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class HygieneRow:
    """One line of a tank's temperature log. It is never changed; `hash` seals it and all before it.

    Parameters
    ----------
    number : from 1 on, without gaps
    coldest_c : coldest sensor of the store; None where lost [°C]
    above_s : seconds above each temperature of the rule in its rolling window [(°C, s), …]
    kept, due_at, cycle : see `agent.orders.HygieneStatus`
    before : hash of the row before, `CHAIN_BEGIN` for the first
    """

    site_id: SiteId
    sink_id: SinkId
    number: int
    at: dt.datetime
    coldest_c: float | None
    above_s: tuple[tuple[float, float], ...]
    kept: bool
    due_at: dt.datetime | None
    cycle: str
    before: str

    def __post_init__(self) -> None:
        """Make whole numbers floats: read back they are, and a hash over 0 is another one than over 0.0."""
        object.__setattr__(self, "coldest_c", None if self.coldest_c is None else float(self.coldest_c))
        object.__setattr__(self, "above_s", tuple((float(temp_c), float(s)) for temp_c, s in self.above_s))

    @property
    def hash(self) -> str:
        """SHA-256 over all fields as JSON, in their order, times in ISO 8601 UTC."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTerms:
    """What an operator agreed with a site's host.

    Parameters
    ----------
    hosts : accounts that may see and set the site; empty: every account may see it, the operator alone may set it
    electricity_eur_per_kwh : at which electricity is refunded; None where no tariff is set [€/kWh], 0 to 10
    """

    site_id: SiteId
    hosts: tuple[AccountId, ...] = ()
    electricity_eur_per_kwh: float | None = None

    def __post_init__(self) -> None:
        check_id("site", self.site_id)
        if self.electricity_eur_per_kwh is not None:
            check_range("electricity_eur_per_kwh", self.electricity_eur_per_kwh, 0.0, 10.0, "€/kWh")


class HeatStore(Protocol):
    """The heat side's part of the store; every call is a commit of its own, durable when it returns."""

    def add_wishes(self, wishes: Iterable[HostWish]) -> int:
        """Add wishes; one whose id is there already is passed over. Gives how many were new."""
        ...

    def wishes(self, site_id: SiteId, *, after: int = 0, limit: int = 1000) -> tuple[tuple[int, HostWish], ...]:
        """Wishes of a site with their numbers, which rise in the order of their coming, from beyond one on."""
        ...

    def wishes_in_force(self, now: dt.datetime) -> tuple[tuple[int, HostWish], ...]:
        """Of every sink the latest wish up to a moment, ties by id, and all later ones; by their numbers."""
        ...

    def put_heat_request(self, made: MadeRequest) -> None:
        """Add or replace a request."""
        ...

    def heat_requests(self) -> tuple[MadeRequest, ...]:
        """Every request that was made, also those that are over, by id."""
        ...

    def put_alarms(self, alarms: Iterable[Alarm]) -> None:
        """Add or replace alarms, all or none."""
        ...

    def alarm(self, alarm_id: str) -> Alarm | None: ...

    def alarms(
        self, site_id: SiteId | None = None, *, active: bool | None = None, limit: int = 1000
    ) -> tuple[Alarm, ...]:
        """Alarms, the latest first, ties by id; all sites' where none is named, those at no site by `NO_SITE` alone."""
        ...

    def add_readings(
        self, site_id: SiteId, readings: Sequence[PointReading], *, documents: Mapping[str, bytes] | None = None
    ) -> int:
        """Keep readings of a site, all or none, and small documents with them; gives how many are new.

        A point has one value at a time: the first that came is kept, so that sending again does no harm.
        """
        ...

    def point_readings(
        self,
        site_id: SiteId,
        key: PointKey,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        limit: int = 10_000,
    ) -> tuple[PointReading, ...]:
        """Readings of a point that were measured in [start, end), the earliest first."""
        ...

    def latest_readings(self, site_id: SiteId) -> tuple[PointReading, ...]:
        """The latest reading of every point of a site that ever had one, by point."""
        ...

    def forget_readings(self, before: dt.datetime) -> int:
        """Remove the readings that were measured before a moment; gives how many."""
        ...

    def append_hygiene(self, rows: Iterable[HygieneRow]) -> None:
        """Append rows; raises ConflictError where a tank's row has not the number and hash that its log demands."""
        ...

    def hygiene(
        self, sink_id: SinkId, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> tuple[HygieneRow, ...]:
        """Rows of a tank from [start, end), by number."""
        ...

    def last_hygiene(self, sink_id: SinkId) -> HygieneRow | None: ...

    def hygiene_seal(self, sink_id: SinkId, before: dt.datetime | None = None) -> tuple[int, str] | None:
        """Number and hash, as they were written with it, of a tank's last row, or of its last one before a moment.

        A row that was changed since has another hash than this; None where there is no row.
        """
        ...

    def site_terms(self) -> tuple[SiteTerms, ...]:
        """Terms of every site that has some, by id."""
        ...

    def put_site_terms(self, terms: SiteTerms) -> None: ...


def checked_chain(rows: Sequence[HygieneRow], before: str | None = None) -> int:
    """Verify rows that follow one another; gives how many are whole from the first on.

    Parameters
    ----------
    before : hash of the row before the first, where it is known
    """
    for number, row in enumerate(rows):
        if before is not None and row.before != before:
            return number
        if number and row.number != rows[number - 1].number + 1:
            return number
        before = row.hash
    return len(rows)


def whole_log(rows: Sequence[HygieneRow], before: tuple[int, str] | None, last: tuple[int, str] | None) -> bool:
    """Tell whether rows are what was written: none changed, left out or put in, from after one row up to another.

    Parameters
    ----------
    before, last : seals of the row before the first and of the last one, as `HeatStore.hygiene_seal` gives them; of a
        log's begin there is none before, and where nothing was written since the last is the one before
    """
    number, seal = before or (0, CHAIN_BEGIN)
    if checked_chain(rows, seal) < len(rows) or (rows and rows[0].number != number + 1):
        return False
    return last == ((rows[-1].number, rows[-1].hash) if rows else before)


def follow(rows: Iterable[HygieneRow], number: int, before: str) -> None:
    """Refuse rows of a tank that do not follow one another after the last one.

    Raises ConflictError.
    """
    for row in rows:
        if (row.number, row.before) != (number + 1, before):
            raise ConflictError(f"Row {row.number} of the hygiene log of {row.sink_id} does not follow row {number}")
        number, before = row.number, row.hash
