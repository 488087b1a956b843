"""What the HTTP side asks of the heat side: who may, what is asked for, readings, deliveries, alarms, statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ondol.accounting.host_days import HostDay
from ondol.accounting.host_statement import HostStatement
from ondol.control.readings_in import PushedRow, Verdict
from ondol.model.account import Account
from ondol.model.alarm import Alarm
from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import RequestId, SinkId, SiteId
from ondol.model.points import PointKey, PointReading
from ondol.model.schedule import WeeklySchedule
from ondol.storage.heat_ports import HygieneRow, MadeRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, and what became of it where it was made over the API.

    Parameters
    ----------
    made : None for one of the fleet file
    counts : whether it is what counts for its sink now
    """

    request: HeatRequest
    made: MadeRequest | None
    counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPoint:
    """A point that is bound or was ever read.

    Parameters
    ----------
    connection_id, driver : how it is reached; "" for what is not bound
    latest : None where nothing was kept of it
    """

    key: PointKey
    site_id: SiteId
    connection_id: str
    driver: str
    latest: PointReading | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAgreement:
    """Hosts of a site by e-mail, and the tariff at which electricity is refunded [€/kWh], None where none is set."""

    site_id: SiteId
    hosts: tuple[str, ...]
    electricity_eur_per_kwh: float | None


class HostDesk(Protocol):
    """Where hosts and operators meet the heat side.

    Every call names the account. A site that an account may not see is not there for it (NotFoundError), one that it
    may see and not set raises ForbiddenError. Calls are thread-safe; what they change is durable when they return.
    """

    def seen(self, account: Account) -> frozenset[SiteId]:
        """Sites that an account may see."""
        ...

    def asked(
        self, account: Account, *, site_id: str = "", after: str = "", limit: int | None = None
    ) -> tuple[Asked, ...]:
        """Requests at all sites that the account sees, or at one of them, by id beyond `after`, at most so many."""
        ...

    def asked_one(self, account: Account, request_id: str) -> Asked | None:
        """A request at a site that the account sees, None where there is none."""
        ...

    def effective(self, sink_id: SinkId) -> HeatRequest | None:
        """What counts for a sink now, wishes laid over."""
        ...

    def wish_of(self, sink_id: SinkId) -> HostWish | None:
        """The wish that stands over a sink's request now."""
        ...

    def add_request(self, account: Account, request: HeatRequest) -> Asked: ...

    def cancel(self, account: Account, request_id: RequestId) -> Asked: ...

    def agree_guarantee(self, account: Account, request_id: RequestId, *, agreed: bool) -> Asked:
        """Agree to what a host's request guarantees, or decline it; for the operator only."""
        ...

    def wish(
        self,
        account: Account,
        sink_id: SinkId,
        kind: str,
        *,
        value: float = 0.0,
        preset: str = "",
        until: dt.datetime | None = None,
        key: str = "",
    ) -> HostWish:
        """Wish something of a sink from now on; the same `key` again gives the first wish."""
        ...

    def set_schedule(self, account: Account, sink_id: SinkId, schedule: WeeklySchedule) -> Asked: ...

    def push(self, account: Account, rows: Sequence[PushedRow | Verdict]) -> list[Verdict]:
        """Take readings of points with a `push` connection, at sites that the account may set; a verdict for each."""
        ...

    def points(self, account: Account, site_id: SiteId | None = None) -> tuple[KnownPoint, ...]: ...

    def point_readings(
        self, account: Account, key: PointKey, start: dt.datetime | None, end: dt.datetime | None, limit: int
    ) -> tuple[PointReading, ...]: ...

    def deliveries(
        self, account: Account, site_id: SiteId, start: dt.datetime, end: dt.datetime
    ) -> tuple[tuple[HeatRequest | None, HostDay], ...]:
        """Local days of every heated sink of a site, each with the request that counts for it now."""
        ...

    def alarms(
        self, account: Account, *, site_id: SiteId | None, active: bool | None, limit: int
    ) -> tuple[Alarm, ...]: ...

    def ack(self, account: Account, alarm_key: str) -> Alarm: ...

    def statement(self, account: Account, site_id: SiteId, month: str) -> HostStatement: ...

    def hygiene(self, account: Account, sink_id: SinkId, month: str) -> tuple[tuple[HygieneRow, ...], bool]:
        """A tank's log of a local month, and whether it is what was written: `storage.heat_ports.whole_log`."""
        ...

    def agreement(self, account: Account, site_id: SiteId) -> HostAgreement: ...

    def agree(self, account: Account, agreement: HostAgreement) -> HostAgreement:
        """Replace what was agreed; for the operator only."""
        ...
