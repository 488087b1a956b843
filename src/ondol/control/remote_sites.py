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

from ondol.agent.orders import AlarmNote, NodeStatus, SinkReport, SiteOrders, SiteReadings
from ondol.agent.wire import Down, Item, NodeState, Outlook, ReadingRow, Setup, Told, Up, pack_any, read_up
from ondol.control.heat_requests import HeatRequests
from ondol.control.silence import SILENT_S, silent_note, silent_orders, twins_note
from ondol.control.site_books import SiteBooks
from ondol.control.site_tokens import SiteTokens
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.errors import InvalidFieldError, NotFoundError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import SiteId, UnitId
from ondol.model.points import PointKey, PointReading
from ondol.model.site import Site
from ondol.storage.fleet_file import fleet_to_toml
from ondol.storage.ports import Store

_log = logging.getLogger(__name__)
EXCHANGES_PER_S = 100.0
"""With more sites than this they are asked to come less often than every second [1/s, all together]."""
_COMING_S = 2.0  # an agent asks one thing at a time; a second one waits so long for the first [s, wall]
_TWINS_TOLD_S = 600.0  # so long after two agents came in turns [s, platform]
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
    lives: tuple[str, ...] = ("",)  # of the last two agents that came, the newest last
    twins_s: float | None = None
    waiting: int = 0
    program: str = ""
    status: tuple[NodeStatus, ...] = ()
    floors: Mapping[UnitId, float] = field(default_factory=dict)
    pushed: dict[PointKey, ReadingRow] = field(default_factory=dict)
    requests: tuple[int, str, tuple[HeatRequest, ...]] = (-1, "", ())
    no_wishes: tuple[int, int] = (-1, -1)


class RemoteSites:
    """Where agents of their own come to; every method is thread-safe.

    Parameters
    ----------
    fleet : its sites with `agent = "own"` are served here
    outdoor_at : gives a site's forecast of the outdoor temperature [°C], which agents keep for when they are alone
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        store: Store,
        requests: HeatRequests,
        books: SiteBooks,
        clock: Clock,
        outdoor_at: Callable[[SiteId], Callable[[dt.datetime], float]] | None = None,
    ) -> None:
        self._store, self._requests, self._books, self._clock = store, requests, books, clock
        self._outdoor_at = outdoor_at
        self._tokens = SiteTokens(store)
        self._lock = threading.Lock()
        self._begun_s = clock.now_s()
        self._outlooks: dict[str, Outlook] = {}  # by climate
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
            up = msgspec.structs.replace(up, orders=_own_orders(up.orders, site.ids))
        if not site.coming.acquire(timeout=_COMING_S):  # else one site could hold all threads of the server
            raise UnavailableError(f"An exchange of site {site_id} is still under way: come again later")
        try:
            number = self._take_items(site_id, site, up)
            with self._lock:
                self._hear(site_id, site, up)
            return self._answer(site_id, site, up, number)
        finally:
            site.coming.release()

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
        notes = site.notes
        if site.twins_s is not None and 0.0 <= self._clock.now_s() - site.twins_s < _TWINS_TOLD_S:
            notes = (*notes, twins_note(site.part))
        if not site.silent:
            return notes
        heard_at = None if site.heard_s is None else dt.datetime.fromtimestamp(site.heard_s, dt.UTC)
        return (*notes, silent_note(site.part, heard_at))

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
        if up.life != site.lives[-1]:
            if up.life in site.lives:  # a restart is new for good; who comes back after another one never left
                site.twins_s = self._clock.now_s()
            site.lives = (site.lives[-1], up.life)
        if up.orders is None:
            return
        units = {str(order.unit_id) for order in up.orders.units}
        nodes = {str(order.node_id) for order in up.orders.nodes}
        if units != site.unit_ids or nodes != site.node_ids:
            _log.warning("site %s still has another fleet; its orders do not count until it has this one", site_id)
            return
        if site.orders is not None and up.orders.now == site.orders.now:
            return  # its link lives, but its loop does not step: that is silence
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
        outlook = self._weather(site.part.sites[0])
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
            wishes=self._wishes(site_id, site, version, up.have.wishes_after),
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

    def _wishes(self, site_id: SiteId, site: _Remote, version: int, after: int) -> tuple[tuple[int, HostWish], ...]:
        """Wishes above a number; storage is not asked again where it had none and nothing came since that version."""
        if site.no_wishes == (version, after):
            return ()
        found = self._requests.wishes(site_id, after)
        if not found:
            site.no_wishes = (version, after)
        return found

    def _weather(self, site: Site) -> Outlook | None:
        if self._outdoor_at is None:
            return None
        now_s = self._clock.now_s()
        outlook = self._outlooks.get(site.climate)
        if outlook is None or not 0.0 <= now_s - outlook.made_s < _OUTLOOK_EVERY_S:
            begin_s = now_s - now_s % 3600.0
            hours = [dt.datetime.fromtimestamp(begin_s + 3600.0 * k, dt.UTC) for k in range(_OUTLOOK_HOURS)]
            outdoor_ahead = self._outdoor_at(site.id)
            outdoor_c = tuple(float(outdoor_ahead(hour)) for hour in hours)
            outlook = Outlook(made_s=now_s, begin_s=begin_s, step_s=3600.0, outdoor_c=outdoor_c)
            self._outlooks[site.climate] = outlook
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


def _own_orders(orders: SiteOrders, ids: frozenset[str]) -> SiteOrders:
    """What a site orders and reports of its own things, without reports by which nobody can plan."""
    return replace(
        orders,
        sinks=tuple(one for one in orders.sinks if one.sink_id in ids),
        reports=tuple(one for one in orders.reports if one.sink_id in ids and _is_sound(one)),
        backups=tuple(one for one in orders.backups if one.sink_id in ids),
        hygiene=tuple(one for one in orders.hygiene if one.sink_id in ids),
        alarms=tuple(one for one in orders.alarms if one.entity_id in ids),
    )


def _is_sound(report: SinkReport) -> bool:
    """Whether a report's numbers are such; of a sink that is not known all but its wants may be nan."""
    numbers = [*report.wanted_ahead_w, 0.0 if report.heat_j is None else report.heat_j]
    if not math.isnan(report.store_j):
        numbers += [report.store_j, report.capacity_j, report.loss_per_s, report.lacks_j, report.walls_lack_j]
    return all(math.isfinite(number) and number >= 0.0 for number in numbers)


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
