"""The desk of the heat side: rights first, then requests, wishes, readings, deliveries, alarms and statements."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Sequence

from ondol.accounting.backup_heat import heat_per_metered
from ondol.accounting.host_days import HostDay, MeteredHeat, host_days
from ondol.accounting.host_promises import Promise
from ondol.accounting.host_statement import HostSink, HostStatement, host_statement, month_span
from ondol.control.directory import OPERATOR
from ondol.control.heat_requests import HeatRequests
from ondol.control.host_ports import Asked, HostAgreement, KnownPoint
from ondol.control.host_rights import HostRights, is_operator
from ondol.control.point_age import as_aged
from ondol.control.readings_in import PushedRow, ReadingsIn, Verdict
from ondol.control.site_books import BACKUP_S, SiteBooks, backup_key
from ondol.lifecycle.request import RequestState
from ondol.model.account import Account
from ondol.model.alarm import NO_SITE, Alarm
from ondol.model.errors import ConflictError, ForbiddenError, InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import COLDEST_C, HeatRequest, HostWish
from ondol.model.ids import AccountId, RequestId, SinkId, SiteId
from ondol.model.points import PointKey, PointReading
from ondol.model.schedule import WeeklySchedule
from ondol.model.sink import Sink, Tank
from ondol.storage.heat_ports import HygieneRow, MadeRequest, SiteTerms, whole_log
from ondol.storage.ports import Store

_LATE = dt.timedelta(hours=6)  # ledger windows that a lost link made long begin before the span that they reach into
_MOST = 1_000_000
_BACKUP_METERS = ("fuel_meter", "backup_electric_meter")
_LONGEST_KEY = 80  # with the account before it, it is the id of a wish: 100 characters at most


class PlatformHosts:
    """Answers hosts and operators.

    Parameters
    ----------
    now : platform time
    """

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        now: Callable[[], dt.datetime],
        *,
        requests: HeatRequests | None = None,
        books: SiteBooks | None = None,
        readings: ReadingsIn | None = None,
    ) -> None:
        self._fleet, self._store, self._now = fleet, store, now
        self.requests = requests or HeatRequests(fleet, store, now)
        self.books = books or SiteBooks(store)
        self.readings = readings or ReadingsIn(fleet, store, now)
        self.rights = HostRights(fleet, store)
        self._sinks: dict[SinkId, Sink] = {sink.id: sink for sink in fleet.sinks}
        self._sites = {site.id: site for site in fleet.sites}
        units = {unit.id: unit.site_id for unit in fleet.units}
        self._site_of: dict[str, SiteId] = {site.id: site.id for site in fleet.sites}
        for nouns in (fleet.units, fleet.sinks, fleet.circuits):
            self._site_of |= {noun.id: noun.site_id for noun in nouns}
        self._site_of |= {node.id: units[node.unit_id] for node in fleet.nodes}
        self._backup_metered = {one.entity_id for one in fleet.bindings if one.point in _BACKUP_METERS}

    def seen(self, account: Account) -> frozenset[SiteId]:
        return self.rights.seen(account)

    # -- requests and wishes --

    def asked(
        self, account: Account, *, site_id: str = "", after: str = "", limit: int | None = None
    ) -> tuple[Asked, ...]:
        seen = self.rights.seen(account)
        known = {request.id: (request, None) for request in self._fleet.requests}
        known |= {made.request.id: (made.request, made) for made in self.requests.all_made()}  # type: ignore[misc]
        wanted = [
            one
            for key, one in sorted(known.items())
            if key > after and one[0].site_id in seen and site_id in ("", one[0].site_id)
        ]
        return tuple(self._asked(*one) for one in wanted[:limit])

    def asked_one(self, account: Account, request_id: str) -> Asked | None:
        made = self.requests.made(RequestId(request_id))
        request = next((one for one in self._fleet.requests if one.id == request_id), None)
        request = request if made is None else made.request
        if request is None or request.site_id not in self.rights.seen(account):
            return None
        return self._asked(request, made)

    def _asked(self, request: HeatRequest, made: MadeRequest | None) -> Asked:
        counting = self.requests.request_for(request.target_id)
        return Asked(request=request, made=made, counts=counting is not None and counting.id == request.id)

    def effective(self, sink_id: SinkId) -> HeatRequest | None:
        return self.requests.request_for(sink_id)

    def wish_of(self, sink_id: SinkId) -> HostWish | None:
        return self.requests.wish_of(sink_id)

    def add_request(self, account: Account, request: HeatRequest) -> Asked:
        self.rights.check_sets(account, request.site_id)
        sink = self._sinks.get(request.target_id)
        if sink is not None and request.kind == "temperature":
            for slot in request.schedule.slots:
                _check_reachable(sink, "schedule", slot.value)
        for name in ("guaranteed_c", "comfort_c"):
            if sink is not None and getattr(request, name) > 0.0:  # nan and 0: none
                _check_reachable(sink, name, getattr(request, name))
        made = self.requests.add_request(request, account.email, agreed=is_operator(account))
        return self._asked(made.request, made)

    def cancel(self, account: Account, request_id: RequestId) -> Asked:
        made = self.requests.made(request_id)
        filed = next((one for one in self._fleet.requests if one.id == request_id), None)
        request = filed if made is None else made.request
        if request is None or request.site_id not in self.rights.seen(account):
            raise NotFoundError("heat request", request_id)
        self.rights.check_sets(account, request.site_id)
        changed = self.requests.cancel(request_id, f"cancelled by {account.email}")
        return self._asked(changed.request, changed)

    def agree_guarantee(self, account: Account, request_id: RequestId, *, agreed: bool) -> Asked:
        known = self.requests.made(request_id)
        filed = next((one for one in self._fleet.requests if one.id == request_id), None)
        request = filed if known is None else known.request
        if request is None or request.site_id not in self.rights.seen(account):
            raise NotFoundError("heat request", request_id)
        if not is_operator(account):
            raise ForbiddenError(f"Only the operator of this installation ({OPERATOR}) may agree to a guarantee")
        changed = self.requests.agree(request_id, account.email, agreed=agreed)
        return self._asked(changed.request, changed)

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
        sink, now = self._sink(account, sink_id), self._now()
        if len(key) > _LONGEST_KEY:
            raise InvalidFieldError("id", f"{key[:20]}…", f"at most {_LONGEST_KEY} characters")
        if kind == "setpoint":
            _check_reachable(sink, "setpoint_c", value)
        if until is not None and until <= now:
            raise InvalidFieldError("until", until.isoformat(), f"a time after now, {now.isoformat()}")
        wish = HostWish(
            id=f"{account.id}.{key}" if key else secrets.token_hex(12),
            site_id=sink.site_id,
            sink_id=sink_id,
            kind=kind,
            value=value,
            preset=preset,
            until=until,
            source="api",
            set_at=now,
        )
        if not self.requests.add_wish(wish):
            known = self.requests.wish_of(sink_id)
            if known is None or known.id != wish.id:
                raise ConflictError(f"Wish {key} was made before and no longer stands; choose another id")
            if (known.kind, known.value, known.preset, known.until) != (kind, value, preset, until):
                raise ConflictError(f"Wish {key} was made before with other content; choose another id")
            return known
        return wish

    def set_schedule(self, account: Account, sink_id: SinkId, schedule: WeeklySchedule) -> Asked:
        sink = self._sink(account, sink_id)
        for slot in schedule.slots:
            _check_reachable(sink, "schedule", slot.value)
        made = self.requests.set_schedule(sink_id, schedule, account.email)
        return self._asked(made.request, made)

    def _sink(self, account: Account, sink_id: SinkId, *, sets: bool = True) -> Sink:
        sink = self._sinks.get(sink_id)
        if sink is None or not self.rights.sees(account, sink.site_id):
            raise NotFoundError("sink", sink_id)
        if sets:
            self.rights.check_sets(account, sink.site_id)
        return sink

    # -- points and readings --

    def push(self, account: Account, rows: Sequence[PushedRow | Verdict]) -> list[Verdict]:
        own = self._sites if is_operator(account) else self._hosted(account)
        if not own:
            raise ForbiddenError(f"Only hosts of a site and the operator ({OPERATOR}) may send readings")
        return self.readings.take(rows, own)

    def _hosted(self, account: Account) -> frozenset[SiteId]:
        return frozenset(site_id for site_id in self._sites if account.id in self.rights.terms(site_id).hosts)

    def points(self, account: Account, site_id: SiteId | None = None) -> tuple[KnownPoint, ...]:
        if site_id is not None:
            self.rights.check_sees(account, site_id)
        seen = self.rights.seen(account) if site_id is None else frozenset((site_id,))
        now = self._now()
        drivers = {connection.id: connection.driver for connection in self._fleet.connections}
        every_s = {connection.id: connection.interval_s for connection in self._fleet.connections}
        latest = {row.key: row for one in sorted(seen) for row in self._store.latest_readings(one)}
        bound = {one.key: one for one in self._fleet.bindings if self._site_of[one.entity_id] in seen}
        return tuple(
            KnownPoint(
                key=key,
                site_id=self._site_of[key.entity_id],
                connection_id=bound[key].connection_id if key in bound else "",
                driver=drivers.get(bound[key].connection_id, bound[key].driver) if key in bound else "",
                latest=as_aged(
                    latest.get(key),
                    now,
                    binding=bound.get(key),
                    interval_s=every_s.get(bound[key].connection_id, 0.0) if key in bound else 0.0,
                ),
            )
            for key in sorted({*bound, *latest})
            if key.entity_id in self._site_of
        )

    def point_readings(
        self, account: Account, key: PointKey, start: dt.datetime | None, end: dt.datetime | None, limit: int
    ) -> tuple[PointReading, ...]:
        site_id = self._site_of.get(key.entity_id)
        if site_id is None or not self.rights.sees(account, site_id):
            raise NotFoundError("point", str(key))
        return self._store.point_readings(site_id, key, start, end, limit)

    # -- what came of it --

    def deliveries(
        self, account: Account, site_id: SiteId, start: dt.datetime, end: dt.datetime
    ) -> tuple[tuple[HeatRequest | None, HostDay], ...]:
        self.rights.check_sees(account, site_id)
        until = min(end, self._now())
        if until <= start:
            return ()
        rows = list(self._store.heat(site_id=site_id, start=start - _LATE, end=until))
        counting = self.requests.effective(site_id)
        found: list[tuple[HeatRequest | None, HostDay]] = []
        for sink in self._told(site_id, start, until):
            request = counting.get(sink.sink_id) or self._fleet.request_for(sink.sink_id)
            days = host_days(
                sink.sink_id,
                rows,
                start=start,
                end=until,
                timezone=self._sites[site_id].timezone,
                promises=sink.promises,
                backup_on=sink.backup_on,
                backup_power_w=sink.backup_power_w,
                backup_heat=sink.backup_heat,
            )
            found += [(request, day) for day in days]
        return tuple(found)

    def statement(self, account: Account, site_id: SiteId, month: str) -> HostStatement:
        self.rights.check_sees(account, site_id)
        site = self._sites[site_id]
        start, end = month_span(month, site.timezone)
        return host_statement(
            site_id=site_id,
            site_name=site.name,
            timezone=site.timezone,
            month=month,
            now=self._now(),
            sinks=self._told(site_id, start, end),
            heat=list(self._store.heat(site_id=site_id, start=start - _LATE, end=end)),
            energy=list(self._store.energy(site_id=site_id, start=start - _LATE, end=end)),
            eur_per_kwh=self.rights.terms(site_id).electricity_eur_per_kwh,
        )

    def _told(self, site_id: SiteId, start: dt.datetime, end: dt.datetime) -> tuple[HostSink, ...]:
        """Sinks of a site that something heats, with what is promised for them."""
        heated = {sink.id for unit in self._fleet.units if (sink := self._fleet.sink_of(unit)) is not None}
        return tuple(
            HostSink(
                sink_id=sink.id,
                name=sink.name,
                promises=self._promises(sink),
                backup_on=self._backup_on(sink, start, end),
                backup_power_w=sink.backup_power_w,
                backup_heat=self._backup_heat(sink, start, end),
            )
            for sink in self._fleet.sinks
            if sink.site_id == site_id and sink.id in heated
        )

    def _promises(self, sink: Sink) -> tuple[Promise, ...]:
        """What is promised stands in the request, also while its host wishes something else for a while.

        Each for the time from when it was made until it was over: a request that is made or cancelled today leaves the
        months before as they were.
        """
        found = [(one, Promise.of(one)) for one in self._fleet.requests if one.target_id == sink.id]
        for made in self.requests.all_made():
            status, request = made.status, made.counting  # what is proposed or was declined binds nobody
            if request.target_id == sink.id and status.state is not RequestState.REFUSED:
                ended_at = status.since if status.state.final else None
                found.append((request, Promise.of(request, made.promised_at, ended_at)))
        ordered = sorted(found, key=lambda one: (-one[0].priority, one[0].id))
        return tuple(promise for _, promise in ordered if promise is not None)

    def _backup_heat(self, sink: Sink, start: dt.datetime, end: dt.datetime) -> tuple[MeteredHeat, ...]:
        """What a sink's other heater gave by its own meter, where one is bound to the sink."""
        if sink.id not in self._backup_metered:
            return ()
        return tuple(
            MeteredHeat(row.start, row.end, row.amount * share)
            for row in self._store.meters(site_id=sink.site_id, start=start - _LATE, end=end)
            if row.meter_id.rpartition(".")[0] == sink.id
            and (share := heat_per_metered(sink.backup_kind, row.kind)) is not None
        )

    def _backup_on(
        self, sink: Sink, start: dt.datetime, end: dt.datetime
    ) -> tuple[tuple[dt.datetime, dt.datetime], ...] | None:
        """Spans in which another heater was ordered to run; a silence longer than a report's distance is no order."""
        longest = dt.timedelta(seconds=2 * BACKUP_S)
        rows = self._store.point_readings(sink.site_id, backup_key(sink.id), start - longest, end, _MOST)
        if not rows and sink.backup_kind == "none":
            return None
        ends = [*(row.measured_at for row in rows[1:]), min(end, self._now())]
        return tuple(
            (row.measured_at, min(following, row.measured_at + longest))
            for row, following in zip(rows, ends, strict=False)
            if row.value > 0.5 and following > row.measured_at
        )

    def hygiene(self, account: Account, sink_id: SinkId, month: str) -> tuple[tuple[HygieneRow, ...], bool]:
        sink = self._sink(account, sink_id, sets=False)
        if not isinstance(sink, Tank):
            raise NotFoundError("tank", sink_id)
        start, end = month_span(month, self._sites[sink.site_id].timezone)
        last = self._store.hygiene_seal(sink_id, end)  # before the rows: what is appended meanwhile is no break
        rows = [row for row in self._store.hygiene(sink_id, start, end) if last is not None and row.number <= last[0]]
        return tuple(rows), whole_log(rows, self._store.hygiene_seal(sink_id, start), last)

    # -- alarms and terms --

    def alarms(self, account: Account, *, site_id: SiteId | None, active: bool | None, limit: int) -> tuple[Alarm, ...]:
        if site_id is not None:
            self.rights.check_sees(account, site_id)
            return self._store.alarms(site_id, active=active, limit=limit)
        seen = self.rights.seen(account)
        if len(seen) == len(self._sites):
            return self._store.alarms(active=active, limit=limit)
        rows = [row for one in sorted(seen) for row in self._store.alarms(one, active=active, limit=limit)]
        return tuple(sorted(rows, key=lambda row: (-row.raised_at.timestamp(), row.id))[:limit])

    def ack(self, account: Account, alarm_key: str) -> Alarm:
        alarm = self._store.alarm(alarm_key)
        if alarm is None or alarm.site_id == NO_SITE or not self.rights.sees(account, alarm.site_id):
            raise NotFoundError("alarm", alarm_key)
        self.rights.check_sets(account, alarm.site_id)
        return self.books.alarms.ack(alarm_key, account.email, self._now())

    def agreement(self, account: Account, site_id: SiteId) -> HostAgreement:
        self.rights.check_sees(account, site_id)
        terms = self.rights.terms(site_id)
        hosts = tuple(found.email for one in terms.hosts if (found := self._store.account(one)) is not None)
        tariff = terms.electricity_eur_per_kwh
        return HostAgreement(site_id=site_id, hosts=tuple(sorted(hosts)), electricity_eur_per_kwh=tariff)

    def agree(self, account: Account, agreement: HostAgreement) -> HostAgreement:
        self.rights.check_sees(account, agreement.site_id)
        if not is_operator(account):
            raise ForbiddenError(f"Only the operator of this installation ({OPERATOR}) may name hosts and set tariffs")
        hosts: list[AccountId] = []
        for email in agreement.hosts:
            found = self._store.account_by_email(email)
            if found is None:
                raise InvalidFieldError("hosts", email, "e-mails of accounts of this installation")
            hosts.append(found.id)
        self.rights.agree(
            SiteTerms(
                site_id=agreement.site_id,
                hosts=tuple(sorted(set(hosts))),
                electricity_eur_per_kwh=agreement.electricity_eur_per_kwh,
            )
        )
        return self.agreement(account, agreement.site_id)


def _check_reachable(sink: Sink, field: str, temp_c: float) -> None:
    """Refuse a set-point that a sink's own limit would never let it reach."""
    if not COLDEST_C <= temp_c <= sink.temp_max_c:
        raise InvalidFieldError(field, temp_c, f"a number from {COLDEST_C:g} to {sink.temp_max_c:g} °C, its hard limit")
