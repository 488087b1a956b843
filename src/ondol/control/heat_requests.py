"""All that hosts ask for: requests of the fleet file, requests made over the API, and wishes; durable at once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ondol.lifecycle.asking import effective, latest
from ondol.lifecycle.request import RequestEvent, RequestStatus, next_request_status
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import RequestId, SinkId, SiteId
from ondol.model.schedule import WeeklySchedule
from ondol.storage.heat_ports import HeatStore, MadeRequest

_log = logging.getLogger(__name__)
_QUARTER_S = 900.0  # local hours begin at quarters of UTC's everywhere; `effective` gives the same for a whole one
SET = "set-"
"""How the ids of schedules begin that were set over the API."""
_COUNT_DOWN = 10**14  # of two with the same priority the lower id counts, and that is to be the later one
_TOLD_S = 60.0  # how far an energy request is, is written so often [s, platform]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was effective at a site, and in which span of time that stays so."""

    version: int
    since: dt.datetime
    until: dt.datetime
    requests: Mapping[SinkId, HeatRequest]


class HeatRequests:
    """Requests and wishes of a fleet; every method is thread-safe.

    Parameters
    ----------
    now : platform time
    """

    def __init__(self, fleet: Fleet, store: HeatStore, now: Callable[[], dt.datetime]) -> None:
        self._store, self._now = store, now
        self._lock = threading.RLock()
        self._site_of_sink = {sink.id: sink.site_id for sink in fleet.sinks}
        self._heated = {sink.id for unit in fleet.units if (sink := fleet.sink_of(unit)) is not None}
        self._filed = {request.id: request for request in fleet.requests}
        self._made: dict[RequestId, MadeRequest] = {}
        self._open: dict[RequestId, MadeRequest] = {}  # those that are not over: the others pile up for years
        for made in store.heat_requests():
            self._keep(made)
        self._unwritten: set[RequestId] = set()
        self._written_at: dict[RequestId, dt.datetime] = {}
        self._wishes: dict[SiteId, dict[str, HostWish]] = {}
        for _, wish in store.wishes_in_force(now()):
            self._wishes.setdefault(wish.site_id, {})[wish.id] = wish
        self._version: dict[SiteId, int] = {}
        self._answers: dict[SiteId, _Answer] = {}

    # -- what counts --

    def effective(self, site_id: SiteId, at: dt.datetime | None = None) -> Mapping[SinkId, HeatRequest]:
        """What counts at a site for every sink, see `lifecycle.asking.effective`; the same mapping until it changes.

        Parameters
        ----------
        at : now where left out; of the past only what was not wished over since is known
        """
        when = at or self._now()
        with self._lock:
            answer, version = self._answers.get(site_id), self._version.get(site_id, 0)
            if answer is None or answer.version != version or not answer.since <= when < answer.until:
                wishes = tuple(self._wishes.get(site_id, {}).values())
                requests = self.requests(site_id)
                made = MappingProxyType(effective(requests, wishes, when))
                answer = _Answer(version, when, _next_change(requests, wishes, when), made)
                self._answers[site_id] = answer
            return answer.requests

    def request_for(self, sink_id: SinkId, at: dt.datetime | None = None) -> HeatRequest | None:
        """What counts for a sink; None where nothing is asked of it."""
        site_id = self._site_of_sink.get(sink_id)
        return None if site_id is None else self.effective(site_id, at).get(sink_id)

    def requests(self, site_id: SiteId) -> tuple[HeatRequest, ...]:
        """Requests of a site that are not over, by id: those of the fleet file and those made over the API."""
        with self._lock:
            found = {key: one for key, one in self._filed.items() if one.site_id == site_id}
            for key, made in self._open.items():
                if made.request.site_id == site_id:
                    found[key] = made.counting
        return tuple(one for _, one in sorted(found.items()))

    def version(self, site_id: SiteId) -> int:
        """A number that rises whenever a request or a wish of a site came, went or ended."""
        with self._lock:
            return self._version.get(site_id, 0)

    # -- wishes --

    def wishes(self, site_id: SiteId, since: int = 0) -> tuple[tuple[int, HostWish], ...]:
        """Wishes of a site with their numbers, those above `since`, at most 1,000 at once; ask on from the last."""
        return self._store.wishes(site_id, after=since)

    def wish_of(self, sink_id: SinkId) -> HostWish | None:
        """The wish that stands over a sink's request now; None where none does."""
        now = self._now()
        site_id = self._site_of_sink.get(sink_id, SiteId(""))
        with self._lock:
            found = latest(self._wishes.get(site_id, {}).values(), now).get(sink_id)
        if found is None or found.kind == "schedule" or (found.ends_at is not None and found.ends_at <= now):
            return None
        return found

    def add_wish(self, wish: HostWish) -> bool:
        """Add a wish, durably; False where its id is there already.

        Raises
        ------
        InvalidFieldError : its sink is not at its site
        """
        if self._site_of_sink.get(wish.sink_id) != wish.site_id:
            raise InvalidFieldError("wish.sink", wish.sink_id, f"a zone, tank or pool of site {wish.site_id}")
        with self._lock:
            if self._store.add_wishes([wish]) == 0:
                return False
            own = self._wishes.setdefault(wish.site_id, {})
            own[wish.id] = wish
            now = self._now()
            last = latest(own.values(), now)
            self._wishes[wish.site_id] = {
                key: one for key, one in own.items() if one.set_at > now or last.get(one.sink_id) is one
            }
            self._changed(wish.site_id)
        return True

    # -- requests over the API --

    def all_made(self) -> tuple[MadeRequest, ...]:
        """Every request that was made over the API, by id, also those that are over."""
        with self._lock:
            return tuple(made for _, made in sorted(self._made.items()))

    def open_made(self) -> tuple[MadeRequest, ...]:
        """Requests that were made over the API and are not over, by id."""
        with self._lock:
            return tuple(made for _, made in sorted(self._open.items()))

    def made(self, request_id: RequestId) -> MadeRequest | None:
        """A request that was made over the API."""
        with self._lock:
            return self._made.get(request_id)

    def add_request(self, request: HeatRequest, made_by: str, *, agreed: bool = False) -> MadeRequest:
        """Take a request, durably; the same one again gives what became of the first.

        A request for what no unit heats is kept as refused, with the reason. What it guarantees is proposed, and binds
        nobody before the operator agrees (`agree`).

        Parameters
        ----------
        agreed : whether the operator has agreed to what it guarantees

        Raises
        ------
        InvalidFieldError : its target is not at its site, or its time is over
        ConflictError : another request has its id
        """
        now = self._now()
        if self._site_of_sink.get(request.target_id) != request.site_id:
            raise InvalidFieldError("target", request.target_id, f"a zone, tank or pool of site {request.site_id}")
        with self._lock:
            known = self._made.get(request.id)
            if known is not None and known.request == request:
                return known
            if known is not None or request.id in self._filed:
                raise ConflictError(f"There is already a heat request {request.id}; choose another id")
            for name in ("by", "valid_until", "guaranteed_until"):
                end = getattr(request, name)
                if end is not None and end <= now:
                    raise InvalidFieldError(name, end.isoformat(), f"a time after now, {now.isoformat()}")
            status = RequestStatus(since=now)
            if request.target_id not in self._heated:
                reason = "no unit heats what it asks for"
                status = next_request_status(status, RequestEvent.REFUSED, now, reason)
            made = MadeRequest(request=request, status=status, made_by=made_by, created_at=now)
            if request.guaranteed:
                word = "agreed" if agreed else "proposed"
                made = dataclasses.replace(made, guarantee=word, guarantee_at=now, guarantee_by=made_by)
            self._store.put_heat_request(made)
            self._keep(made)
            self._changed(request.site_id)
        return made

    def set_schedule(self, sink_id: SinkId, schedule: WeeklySchedule, made_by: str) -> MadeRequest:
        """Have a sink follow a weekly schedule, above all requests that it has; an earlier one set so ends with it.

        Everything else (band, presets, guarantee) is as in the request that counted, or as by default. A guarantee ends
        when that request would have ended, and is agreed where it was.

        Raises
        ------
        NotFoundError : there is no such sink
        InvalidFieldError : a value that no set-point may have
        """
        site_id = self._site_of_sink.get(sink_id)
        if site_id is None:
            raise NotFoundError("sink", sink_id)
        now = self._now()
        with self._lock:
            own = [request for request in self.requests(site_id) if request.target_id == sink_id]
            earlier = [request for request in own if request.id.startswith(SET) and request.id in self._made]
            others = [request for request in own if request not in earlier]
            model = effective([one for one in own if one.kind == "temperature"], (), now).get(sink_id)
            priority = min(100, 1 + max((request.priority for request in others), default=49))
            number = _COUNT_DOWN - int(now.timestamp() * 1000)
            while (key := RequestId(f"{SET}{sink_id[:40]}-{number}")) in self._made:
                number -= 1
            changes: dict[str, object] = {"id": key, "priority": priority}
            if model is None:
                request = HeatRequest(site_id=site_id, target_id=sink_id, schedule=schedule, **changes)  # type: ignore[arg-type]
            else:
                changes |= {"valid_from": None, "valid_until": None}
                known = self._made.get(model.id)
                whole = known.request if known is not None and known.guarantee == "proposed" else model
                ends = [when for when in (whole.valid_until, whole.guaranteed_until) if when is not None]
                if whole.guaranteed and any(when <= now for when in ends):
                    whole = whole.without_guarantee()
                elif whole.guaranteed:
                    changes["guaranteed_until"] = min(ends, default=None)
                request = dataclasses.replace(whole, schedule=schedule, **changes)  # type: ignore[arg-type]
            # The new one first: a platform that ends in between has both, and the lower number counts, which is its.
            made = self.add_request(request, made_by, agreed=model is not None and model.guaranteed)
            for old in earlier:
                if old.id != request.id:
                    self.cancel(old.id, f"replaced by {request.id}")
        return made

    def cancel(self, request_id: RequestId, reason: str) -> MadeRequest:
        """End a request that was made over the API.

        Raises
        ------
        NotFoundError : nobody made it
        ConflictError : it is over, or it stands in the fleet file
        """
        with self._lock:
            made = self._made.get(request_id)
            if made is None and request_id in self._filed:
                raise ConflictError(
                    f"Request {request_id} stands in the fleet file and ends there; to end its heat turn the sink off"
                )
            if made is None:
                raise NotFoundError("heat request", request_id)
            status = next_request_status(made.status, RequestEvent.CANCELLED, self._now(), reason)
            changed = dataclasses.replace(made, status=status)
            self._store.put_heat_request(changed)
            self._keep(changed)
            self._changed(made.request.site_id)
        return changed

    def agree(self, request_id: RequestId, made_by: str, *, agreed: bool) -> MadeRequest:
        """Agree to what a request guarantees, or decline it; the request itself goes on either way.

        Raises
        ------
        NotFoundError : nobody made it
        ConflictError : it is over, it proposes nothing, or that was decided otherwise
        """
        with self._lock:
            made = self._made.get(request_id)
            if made is None and request_id in self._filed:
                raise ConflictError(f"What request {request_id} guarantees stands in the fleet file: it is agreed")
            if made is None:
                raise NotFoundError("heat request", request_id)
            word = "agreed" if agreed else "declined"
            if made.guarantee == word:
                return made
            if made.guarantee != "proposed":
                stands = f"is {made.guarantee}" if made.guarantee else "promises nothing that could be agreed to"
                raise ConflictError(f"Request {request_id} {stands}; cancel it, and make another one")
            if made.status.state.final:
                raise ConflictError(f"Request {request_id} is {made.status.state.value}: it is over")
            changed = dataclasses.replace(made, guarantee=word, guarantee_at=self._now(), guarantee_by=made_by)
            self._store.put_heat_request(changed)
            self._keep(changed)
            self._changed(made.request.site_id)
        return changed

    def told(self, changed: MadeRequest) -> None:
        """Take what became of a request; where storage does not answer, it is written with the next one told."""
        now = self._now()
        with self._lock:
            before = self._made.get(changed.request.id)
            if before is not None and before.status.state.final:
                return  # it was cancelled while its step was taken
            if before is not None and before.guarantee != changed.guarantee:  # it was agreed meanwhile
                changed = dataclasses.replace(
                    changed,
                    guarantee=before.guarantee,
                    guarantee_at=before.guarantee_at,
                    guarantee_by=before.guarantee_by,
                )
            self._keep(changed)
            if before is None or before.status != changed.status:
                self._unwritten.add(changed.request.id)
                self._changed(changed.request.site_id)
            elif now - self._written_at.setdefault(changed.request.id, now) >= dt.timedelta(seconds=_TOLD_S):
                self._unwritten.add(changed.request.id)
            for key in sorted(self._unwritten):
                try:
                    self._store.put_heat_request(self._made[key])
                except UnavailableError as error:
                    _log.warning("what became of heat request %s has to wait for storage: %s", key, error)
                    return
                self._written_at[key] = now
                self._unwritten.discard(key)

    def _keep(self, made: MadeRequest) -> None:
        self._made[made.request.id] = made
        if made.status.state.final:
            self._open.pop(made.request.id, None)
        else:
            self._open[made.request.id] = made

    def _changed(self, site_id: SiteId) -> None:
        self._version[site_id] = self._version.get(site_id, 0) + 1


def _next_change(requests: tuple[HeatRequest, ...], wishes: tuple[HostWish, ...], now: dt.datetime) -> dt.datetime:
    """Until when what counts now cannot change by itself."""
    now_s = now.timestamp()
    moments = [now + dt.timedelta(seconds=_QUARTER_S - now_s % _QUARTER_S)]
    moments += [when for one in requests for when in _moments(one) if when is not None]
    moments += [when for wish in wishes for when in (wish.set_at, wish.ends_at) if when is not None]
    return min(when for when in moments if when > now)


def _moments(request: HeatRequest) -> tuple[dt.datetime | None, ...]:
    return request.valid_from, request.valid_until, request.by, request.guaranteed_until
