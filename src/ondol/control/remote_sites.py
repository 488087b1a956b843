"""The server's side of sites whose agent is a process of its own: what they tell, what they are told."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec

from ondol.agent.orders import AlarmNote, NodeStatus, SiteOrders, SiteReadings
from ondol.agent.wire import Down, Item, NodeState, Outlook, ReadingRow, Setup, Told, Up, pack_any, read_up
from ondol.control.heat_requests import HeatRequests
from ondol.control.silence import SILENT_S, silent_note, silent_orders
from ondol.control.site_books import SiteBooks
from ondol.control.site_tokens import SiteTokens
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import SiteId, UnitId
from ondol.model.points import PointKey, PointReading
from ondol.storage.fleet_file import fleet_to_toml
from ondol.storage.ports import Store

_log = logging.getLogger(__name__)
EXCHANGES_PER_S = 100.0
"""With more sites than this they are asked to come less often than every second [1/s, all together]."""
_MISSED = 5.0  # exchanges that a site may miss before it is silent
_OUTLOOK_HOURS, _OUTLOOK_EVERY_S = 96, 3600.0
_OUTBOXES = 8  # whose last number is remembered: a folder that was put back from a backup may come back


class Clock(Protocol):
    """Platform time and how fast it goes."""

    rate: float

    def now_s(self) -> float: ...

    def now(self) -> dt.datetime: ...


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Up to which number each outbox of a site was taken; written in the commit of what was taken."""

    outboxes: dict[str, int] = {}


@dataclass(slots=True, kw_only=True)
class _Remote:
    """All that is known of one site."""

    part: Fleet
    setup: str
    digest: str
    ids: frozenset[str]
    unit_ids: frozenset[str]
    node_ids: frozenset[str]
    taken: Taken
    coming: threading.Lock = field(default_factory=threading.Lock)  # one exchange at a time
    heard_s: float | None = None
    orders: SiteOrders | None = None
    sinks: tuple[SinkReading, ...] = ()
    units: tuple[UnitReading, ...] = ()
    nodes: tuple[NodeState, ...] = ()
    notes: tuple[AlarmNote, ...] = ()
    silent: bool = False
    waiting: int = 0
    program: str = ""
    status: tuple[NodeStatus, ...] = ()
    floors: Mapping[UnitId, float] = field(default_factory=dict)
    pushed: dict[PointKey, ReadingRow] = field(default_factory=dict)
    requests: tuple[int, str, tuple[HeatRequest, ...]] = (-1, "", ())


class RemoteSites:
    """Where agents of their own come to; every method is thread-safe.

    Parameters
    ----------
    fleet : its sites with `agent = "own"` are served here
    outdoor_ahead : forecast of the outdoor temperature [°C], which agents keep for when they are alone
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        store: Store,
        requests: HeatRequests,
        books: SiteBooks,
        clock: Clock,
        outdoor_ahead: Callable[[dt.datetime], float] | None = None,
    ) -> None:
        self._store, self._requests, self._books, self._clock = store, requests, books, clock
        self._outdoor_ahead = outdoor_ahead
        self._tokens = SiteTokens(store)
        self._lock = threading.Lock()
        self._begun_s = clock.now_s()
        self._outlook: Outlook | None = None
        self._sites = {site.id: self._remote(fleet.of_site(site.id)) for site in fleet.sites if site.agent == "own"}

    def _remote(self, part: Fleet) -> _Remote:
        setup = fleet_to_toml(part)
        kept = self._store.document(_key(part.sites[0].id))
        return _Remote(
            part=part,
            setup=setup,
            digest=hashlib.sha256(setup.encode()).hexdigest()[:16],
            ids=frozenset(
                str(noun.id)
                for nouns in (part.sites, part.units, part.nodes, part.sinks, part.circuits, part.connections)
                for noun in nouns
            ),
            unit_ids=frozenset(str(unit.id) for unit in part.units),
            node_ids=frozenset(str(node.id) for node in part.nodes),
            taken=Taken() if kept is None else msgspec.msgpack.decode(kept, type=Taken),
        )

    @property
    def site_ids(self) -> tuple[SiteId, ...]:
        """Whom it serves, by id."""
        return tuple(sorted(self._sites))

    # -- what agents ask --

    def site_of(self, token: str) -> SiteId | None:
        """Whose token it is, None where it is no site's."""
        return self._tokens.site_of(token)

    def setup(self, site_id: SiteId) -> Setup:
        """What an agent has to know before its first step.

        Raises
        ------
        NotFoundError : no site here has this id and an agent of its own
        """
        site = self._known(site_id)
        return Setup(
            site_id=site_id,
            fleet_file=site.setup,
            fleet=site.digest,
            platform_s=self._clock.now_s(),
            rate=self._clock.rate,
        )

    def exchange(self, site_id: SiteId, body: bytes) -> Down:
        """Take what a site tells, durably, and answer with what it is to know.

        Raises
        ------
        NotFoundError : as `setup`
        ConflictError : it speaks another version
        InvalidFieldError : what it says cannot be
        UnavailableError : storage does not answer; nothing is acknowledged
        """
        site = self._known(site_id)
        up = read_up(body)
        if up.orders is not None:
            _check_orders(up.orders)
        with site.coming:
            number = self._take_items(site_id, site, up)
            with self._lock:
                self._hear(site_id, site, up)
            return self._answer(site_id, site, up, number)

    def states(self, site_id: SiteId) -> tuple[NodeState, ...]:
        """Limits of a site's nodes as it told last: requested, accepted, measured."""
        return self._known(site_id).nodes

    def pushed(self, site_id: SiteId, readings: Sequence[PointReading]) -> None:
        """Hand readings that came over the API on to the site's agent."""
        with self._lock:
            site = self._sites.get(site_id)
            if site is not None:
                site.pushed.update((reading.key, ReadingRow.of(reading)) for reading in readings)

    # -- what the loop asks --

    def tell(self, site_id: SiteId, status: Sequence[NodeStatus], floors: Mapping[UnitId, float]) -> None:
        """Note what the next answers tell a site."""
        with self._lock:
            site = self._sites[site_id]
            site.status, site.floors = tuple(status), dict(floors)

    def orders(self, site_id: SiteId, now: dt.datetime) -> tuple[SiteOrders, bool]:
        """Give a site's orders, and whether they are its own: else those of `silent_orders`."""
        with self._lock:
            site = self._sites[site_id]
            now_s = now.timestamp()
            patience_s = max(SILENT_S, _MISSED * self._next_s() * self._clock.rate)
            since_s = self._begun_s if site.heard_s is None else site.heard_s
            late = now_s - since_s > patience_s
            if late and not site.silent:
                _log.warning("site %s is silent", site_id)
            site.silent = late
            notes = self._notes(site)
            if site.orders is not None and not late:
                return replace(site.orders, alarms=notes), True
            heard_at = None if site.heard_s is None else dt.datetime.fromtimestamp(site.heard_s, dt.UTC)
            return silent_orders(site.part, site.orders, now, heard_at=heard_at, notes=notes), False

    def readings(self, site_id: SiteId) -> SiteReadings:
        """The latest readings of a site's sinks and units."""
        with self._lock:
            site = self._sites[site_id]
            return SiteReadings(sinks=site.sinks, units=site.units)

    def note_alarms(self, site_id: SiteId, now: dt.datetime) -> None:
        """Write down whether a site is silent, beside the alarms that it told."""
        with self._lock:
            notes = self._notes(self._sites[site_id])
        self._books.alarms.note(site_id, notes, now)

    # -- inside --

    def _known(self, site_id: SiteId) -> _Remote:
        site = self._sites.get(site_id)
        if site is None:
            raise NotFoundError('site with agent = "own"', site_id)
        return site

    def _notes(self, site: _Remote) -> tuple[AlarmNote, ...]:
        if not site.silent:
            return site.notes
        heard_at = None if site.heard_s is None else dt.datetime.fromtimestamp(site.heard_s, dt.UTC)
        return (*site.notes, silent_note(site.part, heard_at))

    def _take_items(self, site_id: SiteId, site: _Remote, up: Up) -> int:
        """Take what is new among a site's items, in order; gives the number up to which all is durable."""
        before = site.taken.outboxes.get(up.outbox, 0)
        fresh = sorted((item for item in up.items if item.number > before), key=lambda item: item.number)
        if not fresh:
            return before
        readings: list[PointReading] = []
        for item in fresh:
            readings += self._readings(site_id, site, item)
            self._write_down(site_id, site, item)
        number = fresh[-1].number
        others = [one for one in site.taken.outboxes.items() if one[0] != up.outbox][-_OUTBOXES:]
        taken = Taken(outboxes={**dict(others), up.outbox: number})
        # What was written down above does no harm a second time; the number and the readings are one commit.
        self._store.add_readings(site_id, readings, documents={_key(site_id): pack_any(taken)})
        site.taken = taken
        return number

    def _readings(self, site_id: SiteId, site: _Remote, item: Item) -> list[PointReading]:
        found = []
        for row in item.readings:
            if row.entity_id not in site.ids:
                _log.warning("site %s tells readings of %s, which is not its own", site_id, row.entity_id)
                continue
            try:
                found.append(row.reading())
            except (InvalidFieldError, OverflowError, ValueError) as error:
                _log.warning("site %s tells a reading that is none: %s", site_id, error)
        return found

    def _write_down(self, site_id: SiteId, site: _Remote, item: Item) -> None:
        """Write alarms, hygiene, backups and wishes; what cannot be is passed over, so that it holds up nothing."""
        try:
            if item.told is not None:
                told = _own(item.told, site.ids)
                with self._lock:
                    site.notes = told.alarms
                    notes = self._notes(site)
                self._books.note(
                    site_id,
                    SiteOrders(
                        now=told.at,
                        dt_s=0.0,
                        units=(),
                        nodes=(),
                        sinks=(),
                        backups=told.backups,
                        hygiene=told.hygiene,
                        alarms=notes,
                    ),
                )
            if item.wish is not None and item.wish.site_id == site_id:
                self._requests.add_wish(item.wish)
        except InvalidFieldError as error:
            _log.warning("site %s tells what cannot be, it is passed over: %s", site_id, error)

    def _hear(self, site_id: SiteId, site: _Remote, up: Up) -> None:
        site.waiting, site.program = up.waiting, up.program
        if up.orders is None:
            return
        units = {str(order.unit_id) for order in up.orders.units}
        nodes = {str(order.node_id) for order in up.orders.nodes}
        if units != site.unit_ids or nodes != site.node_ids:
            _log.warning("site %s still has another fleet; its orders do not count until it has this one", site_id)
            return
        now_s = self._clock.now_s()
        if site.silent:
            _log.info("site %s is heard again, %d items wait there", site_id, up.waiting)
        site.heard_s, site.silent = now_s, False
        site.orders = up.orders
        site.sinks = tuple(reading for reading in up.sinks if reading.sink_id in site.ids)
        site.units = tuple(reading for reading in up.units if reading.unit_id in site.unit_ids)
        site.nodes = tuple(state for state in up.nodes if state.node_id in site.node_ids)

    def _answer(self, site_id: SiteId, site: _Remote, up: Up, number: int) -> Down:
        version, digest, requests = self._asked(site_id, site)
        site.requests = (version, digest, requests)
        outlook = self._weather()
        recent = outlook is None or outlook.made_s <= up.have.outlook_s
        with self._lock:
            status, floors, pushed = site.status, dict(site.floors), tuple(site.pushed.values())
        return Down(
            platform_s=self._clock.now_s(),
            rate=self._clock.rate,
            acknowledged=number,
            nodes=status,
            floors=floors,
            fleet=site.digest,
            requests=None if up.have.requests == digest else requests,
            requests_digest=digest,
            wishes=self._requests.wishes(site_id, up.have.wishes_after),
            outlook=None if recent else outlook,
            pushed=pushed,
            next_s=self._next_s(),
        )

    def _asked(self, site_id: SiteId, site: _Remote) -> tuple[int, str, tuple[HeatRequest, ...]]:
        version = self._requests.version(site_id)
        if site.requests[0] == version:
            return site.requests
        requests = self._requests.requests(site_id)
        return version, hashlib.sha256(pack_any(requests)).hexdigest()[:16], requests

    def _weather(self) -> Outlook | None:
        if self._outdoor_ahead is None:
            return None
        now_s = self._clock.now_s()
        outlook = self._outlook
        if outlook is None or not 0.0 <= now_s - outlook.made_s < _OUTLOOK_EVERY_S:
            begin_s = now_s - now_s % 3600.0
            hours = [dt.datetime.fromtimestamp(begin_s + 3600.0 * k, dt.UTC) for k in range(_OUTLOOK_HOURS)]
            outdoor_c = tuple(float(self._outdoor_ahead(hour)) for hour in hours)
            outlook = Outlook(made_s=now_s, begin_s=begin_s, step_s=3600.0, outdoor_c=outdoor_c)
            self._outlook = outlook
        return outlook

    def _next_s(self) -> float:
        return max(1.0, len(self._sites) / EXCHANGES_PER_S)


def _key(site_id: str) -> str:
    return f"remote.{site_id}"


def _own(told: Told, ids: frozenset[str]) -> Told:
    """What a site tells of its own things."""
    return Told(
        at=told.at,
        alarms=tuple(note for note in told.alarms if note.entity_id in ids),
        hygiene=tuple(status for status in told.hygiene if status.sink_id in ids),
        backups=tuple(order for order in told.backups if order.sink_id in ids),
    )


def _check_orders(orders: SiteOrders) -> None:
    """Refuse numbers that no agent of ours gives: one site's must not confuse the plan of all.

    Raises
    ------
    InvalidFieldError : a power that is not a number from 0
    """
    numbers = [(f"orders.nodes[{one.node_id}].cap_w", one.cap_w) for one in orders.nodes]
    for unit in orders.units:
        where = f"orders.units[{unit.unit_id}]"
        powers = (unit.wanted_w, unit.demand_w, unit.target_w, unit.measured_w, *unit.wanted_ahead_w)
        numbers += [(where, value) for value in powers]
        if not math.isfinite(unit.room_j):
            raise InvalidFieldError(f"{where}.room_j", unit.room_j, "a number")
    numbers += [(f"orders.sinks[{one.sink_id}].heat_wanted_w", one.heat_wanted_w) for one in orders.sinks]
    numbers += [(f"orders.sinks[{one.sink_id}].discomfort_kh", one.discomfort_kh) for one in orders.sinks]
    for field_name, value in numbers:
        if not (math.isfinite(value) and value >= 0.0):
            raise InvalidFieldError(field_name, value, "a number from 0")
