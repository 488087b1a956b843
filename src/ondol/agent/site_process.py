"""A site's agent as a process of its own: a loop that never waits for the network, and a link that does."""

from __future__ import annotations

import datetime as dt
import logging
import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from ondol.agent.asked import Asked, AskedNote
from ondol.agent.body import BodyStep, SiteBody
from ondol.agent.link import ServerLink, ServerRefusedError, wait_s
from ondol.agent.orders import AlarmNote
from ondol.agent.outbox import Outbox
from ondol.agent.plan import PlanNote, guidance_of
from ondol.agent.recorder import Recorder, RecorderNote
from ondol.agent.site_clock import ClockNote, SiteClock
from ondol.agent.site_folder import SiteFolder
from ondol.agent.site_memory import Stand, noted, recall
from ondol.agent.wire import Down, Have, Item, ReadingRow, Setup, Up
from ondol.drivers.ports import Driver
from ondol.model.alarm import Severity
from ondol.model.errors import InvalidFieldError, OndolError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.model.points import PointReading
from ondol.storage.fleet_file import load_fleet

_log = logging.getLogger(__name__)
PERIOD_S = 1.0
"""Time between two steps [s, wall]."""
STAND_S = 60.0
"""All that is remembered is written so often [s, platform]."""
SERVER_LOST_S = 600.0
"""Without a word from the server for this long an alarm tells so [s, platform]."""
ASTRAY_S = 3600.0
"""Where the site's time is ahead of the server's by more, it was wrong, and begins afresh at the server's [s, wall]."""
_FAULT_PAUSE_S = 1.0
_LEAST_PAUSE_S = 0.1
_MOST_UNWRITTEN = 10_000  # items that are held in memory while the disk takes nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """How an agent is to run.

    Parameters
    ----------
    server : address of the platform's API
    token_file : what `ondol site token` printed
    data : its folder
    ca_file : authorities of the server's certificate, None for the system's
    """

    site_id: str
    server: str
    token_file: Path
    data: Path
    ca_file: Path | None = None


class SiteProcess:
    """One site's agent; `run` returns when `stop` was called.

    Parameters
    ----------
    drivers : makes the drivers of a fleet's part, None for those of the registry; tests give their own

    Raises
    ------
    ConflictError : another agent has the folder
    InvalidFieldError : the folder is that of another site, or an option is wrong
    UnavailableError : the store cannot be used
    """

    def __init__(
        self,
        settings: AgentSettings,
        *,
        drivers: Callable[[Fleet, Callable[[], dt.datetime]], Sequence[Driver]] | None = None,
    ) -> None:
        self._settings, self._make_drivers = settings, drivers
        self._ended = threading.Event()
        self._lock = threading.RLock()
        folder = SiteFolder(settings.data)
        self._locked = folder.lock()
        try:
            self._link = ServerLink(settings.server, settings.site_id, settings.token_file, ca_file=settings.ca_file)
            self._outbox = Outbox(folder.store_file)
        except BaseException:
            self._locked.close()
            raise
        self._setup = recall(self._outbox, Setup)
        if self._setup is not None and self._setup.site_id != settings.site_id:
            kept = self._setup.site_id
            self.close()
            raise InvalidFieldError(
                "--data", str(settings.data), f"a folder of {settings.site_id}; this one is {kept}'s"
            )
        self._plan = recall(self._outbox, PlanNote) or PlanNote()
        self._recorder = Recorder(recall(self._outbox, RecorderNote))
        self._fresh_setup: Setup | None = None
        self._unwritten: tuple[Item, ...] = ()
        self._pushed: tuple[ReadingRow, ...] = ()
        self._step: BodyStep | None = None
        self._refused = ""
        self._stand_s = float("-inf")
        self._clock: SiteClock | None = None
        self._clock_note: ClockNote | None = recall(self._outbox, ClockNote)
        self._refused_fleet = ""
        self._life = secrets.token_hex(8)
        self._asked: Asked | None = None

    def stop(self) -> None:
        """Have `run` come to its end; safe in a signal handler."""
        self._ended.set()

    def close(self) -> None:
        """Let go of link, store and folder."""
        self._link.__exit__(None, None, None)
        self._outbox.close()
        self._locked.close()

    def run(self) -> None:
        """Step until `stop`.

        Raises
        ------
        ServerRefusedError : the server refuses an agent that has never got its part of the fleet
        """
        setup = self._setup or self._first_contact()
        if setup is None:
            return
        body = self._build(setup)
        caller = threading.Thread(target=self._keep_in_touch, name="link", daemon=True)
        caller.start()
        try:
            while not self._ended.is_set():
                begun_s = time.monotonic()
                try:
                    body = self._rebuilt(body)
                    self._take_step(body)
                except Exception:  # noqa: BLE001  # heat goes on: the next step sees the same site again
                    _log.exception("a step failed")
                    self._note_failure(body)
                    self._ended.wait(_FAULT_PAUSE_S)
                self._ended.wait(max(PERIOD_S - (time.monotonic() - begun_s), 0.0))
        finally:
            self._ended.set()
            self._keep_stand(body)
            body.close()
            caller.join(15)

    # -- the loop --

    def _build(self, setup: Setup) -> SiteBody:
        """Make the body of a setup, with what is remembered, and open its connections."""
        body = self._made(setup)
        body.open()
        _log.info("site %s: %d connections, %d items wait", body.site_id, len(body.drivers), self._outbox.waiting())
        return body

    def _made(self, setup: Setup, *, afresh: bool = False) -> SiteBody:
        site_id = SiteId(setup.site_id)
        fleet = load_fleet(setup.fleet_file, f"fleet part of {site_id}").of_site(site_id)
        stand = None if afresh else recall(self._outbox, Stand)
        asked = Asked(fleet, recall(self._outbox, AskedNote) if self._asked is None else self._asked.note)
        with self._lock:
            note = self._clock_note or ClockNote(platform_s=setup.platform_s, wall_s=time.time(), rate=setup.rate)
            if self._clock is None:
                self._clock = SiteClock(note, not_before_s=0.0 if stand is None else stand.stepped_s)
        now = self._clock.now
        body = SiteBody(fleet, now=now, drivers=None if self._make_drivers is None else self._make_drivers(fleet, now))
        if stand is not None:
            try:
                body.restore(stand.body)
            except InvalidFieldError as error:
                _log.warning("what was remembered does not fit, the site begins afresh: %s", error)
        with self._lock:
            self._setup, self._asked = setup, asked
        return body

    def _rebuilt(self, body: SiteBody) -> SiteBody:
        """The body, made anew where the server has another fleet; where that one cannot be served, the old one."""
        with self._lock:
            fresh, self._fresh_setup = self._fresh_setup, None
            astray = self._clock is not None and self._clock.ahead_s > ASTRAY_S * self._clock.rate
        if astray:
            return self._set_right(body)
        if fresh is None:
            return body
        self._keep_stand(body)
        try:
            made = self._made(fresh)  # nothing is opened yet: the old one goes on where this fails
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, the site must not lose its control
            _log.error("the new fleet cannot be served, the old one stays: %r", error)
            self._refused_fleet = fresh.fleet
            return body
        body.close()
        made.open()
        try:
            self._outbox.commit((), noted(fresh))
        except UnavailableError as error:
            _log.error("the new fleet counts, but could not be written down: %s", error)
        _log.info("the fleet has changed; the site goes on with its new part of it")
        return made

    def _set_right(self, body: SiteBody) -> SiteBody:
        """A body that begins afresh at the server's time, where this site's was ahead by far.

        Its clock would go at a tenth of its rate until they agree, for years if it was wrong by years: hygiene cycles
        would come ten times too late, and a sensor that is lost would be missed ten times too late.
        """
        _log.error("this site's time was ahead of the server's by more than %g s; it begins afresh", ASTRAY_S)
        assert self._setup is not None  # noqa: S101  # a body was built of it
        body.close()
        with self._lock:
            assert self._clock_note is not None  # noqa: S101  # the server has just told it
            self._clock = SiteClock(self._clock_note)
            self._plan = msgspec.structs.replace(self._plan, told_s=self._clock.now_s())
            self._step = None
        self._recorder, self._stand_s = Recorder(), float("-inf")
        made = self._made(self._setup, afresh=True)
        made.open()
        return made

    def _take_step(self, body: SiteBody) -> None:
        assert self._clock is not None  # noqa: S101  # `_build` set it
        assert self._asked is not None  # noqa: S101  # the same
        now = self._clock.now()
        with self._lock:
            asked, plan = self._asked, self._plan
            guidance = guidance_of(plan, asked.effective(now), now)
            pushed, self._pushed = self._pushed, ()
        if pushed:
            body.push(_readings_of(pushed))
        step = body.step(
            now,
            guidance,
            wish_of=lambda sink_id: asked.wish_of(sink_id, now),
            more_alarms=self._own_alarms(now),
        )
        self._unwritten = (*self._unwritten, *self._recorder.take(step))[-_MOST_UNWRITTEN:]
        documents = noted(self._recorder.note) if self._unwritten else {}
        with self._lock:
            for wish in step.wishes:
                asked.wish(wish, now)
            if step.wishes:
                documents |= noted(asked.note)
            self._step = step
        if now.timestamp() - self._stand_s >= STAND_S:
            documents |= self._stand(body, now)
        if self._unwritten or documents:
            self._outbox.commit(self._unwritten, documents, now=now)  # a full disk: they are tried again
            self._unwritten = ()

    def _note_failure(self, body: SiteBody) -> None:
        """Have the body made safe where steps fail for long, and have the server know."""
        assert self._clock is not None  # noqa: S101  # `_build` set it
        now = self._clock.now()
        try:
            note = body.failed(now)
            if note is None:
                return
            self._unwritten = (*self._unwritten, *self._recorder.failed(note, now))[-_MOST_UNWRITTEN:]
            if self._unwritten:
                self._outbox.commit(self._unwritten, noted(self._recorder.note), now=now)
                self._unwritten = ()
        except Exception:  # noqa: BLE001  # the loop must live
            _log.exception("a failure could not be dealt with")

    def _stand(self, body: SiteBody, now: dt.datetime) -> dict[str, bytes]:
        self._stand_s = now.timestamp()
        with self._lock:
            notes: list[object] = [self._plan, Stand(stepped_s=self._stand_s, body=body.snapshot())]
            if self._clock_note is not None:
                notes.append(self._clock_note)
            if self._asked is not None:
                notes.append(self._asked.note)
        return noted(*notes)

    def _keep_stand(self, body: SiteBody) -> None:
        assert self._clock is not None  # noqa: S101  # `_build` set it
        try:
            self._outbox.commit((), self._stand(body, self._clock.now()))
        except UnavailableError as error:
            _log.error("what is remembered could not be written: %s", error)

    def _own_alarms(self, now: dt.datetime) -> tuple[AlarmNote, ...]:
        with self._lock:
            silent_s = now.timestamp() - self._plan.told_s
            refused = self._refused
        if silent_s < SERVER_LOST_S:
            return ()
        text = refused or "The server does not answer. The site goes on by itself and sends its readings later."
        return (
            AlarmNote(
                entity_id=self._settings.site_id, code="server-lost", severity=Severity.WARNING, text=text[:1000]
            ),
        )

    # -- the link --

    def _first_contact(self) -> Setup | None:
        """Ask for the fleet's part until the server answers; None where the agent is stopped before that."""
        failures = 0
        while not self._ended.is_set():
            try:
                setup, _ = self._link.setup()
            except UnavailableError as error:
                failures += 1
                if failures == 1:
                    _log.warning("%s; this folder holds no part of the fleet yet: asking again", error)
                self._ended.wait(wait_s(failures) * random.uniform(0.8, 1.2))
                continue
            self._clock_note = ClockNote(platform_s=setup.platform_s, wall_s=time.time(), rate=setup.rate)
            self._plan = PlanNote(told_s=setup.platform_s)  # it has just answered: no plan yet, but not lost either
            self._outbox.commit((), noted(setup, self._clock_note, self._plan))
            return setup
        return None

    def _keep_in_touch(self) -> None:
        failures = 0
        while not self._ended.is_set():
            try:
                pause_s = self._exchange()
                if failures:
                    _log.info("the server answers again")
                failures, self._refused = 0, ""
            except (UnavailableError, ServerRefusedError) as error:
                failures += 1
                if isinstance(error, ServerRefusedError):
                    self._refused = str(error)
                if failures == 1:
                    _log.warning("%s; the site goes on by itself", error)
                pause_s = wait_s(failures) * random.uniform(0.8, 1.2)
            except Exception:  # noqa: BLE001  # the site steps on; the link has to, too
                _log.exception("an exchange failed")
                failures += 1
                pause_s = wait_s(failures)
            self._ended.wait(pause_s)

    def _exchange(self) -> float:
        """Tell and hear once; gives how long to wait until the next time [s, wall]."""
        assert self._clock is not None  # noqa: S101  # `_build` set it
        assert self._asked is not None  # noqa: S101  # the same
        assert self._setup is not None  # noqa: S101  # the same
        items = self._outbox.batch()
        waiting = self._outbox.waiting()
        with self._lock:
            step, note, plan = self._step, self._asked.note, self._plan
            up = Up(
                program=f"ondol {version('ondol')}",
                outbox=self._outbox.id,
                now=self._clock.now(),
                orders=None if step is None else step.orders,
                sinks=() if step is None else step.sensed.readings.sinks,
                units=() if step is None else step.sensed.readings.units,
                nodes=() if step is None else step.nodes,
                items=items,
                waiting=waiting,
                life=self._life,
                have=Have(
                    fleet=self._setup.fleet,
                    requests=note.digest,
                    wishes_after=note.after,
                    outlook_s=0.0 if plan.outlook is None else plan.outlook.made_s,
                ),
            )
        down, way_s = self._link.exchange(up)
        self._take(down, way_s)
        self._outbox.acknowledge(down.acknowledged)  # last: the plan counts also where the disk is full
        if down.fleet not in (up.have.fleet, self._refused_fleet):
            fresh, _ = self._link.setup()
            with self._lock:
                self._fresh_setup = fresh
        taken = not items or down.acknowledged >= items[-1].number
        return 0.0 if taken and waiting > len(items) else max(down.next_s, _LEAST_PAUSE_S)

    def _take(self, down: Down, way_s: float) -> None:
        assert self._clock is not None  # noqa: S101  # `_build` set it
        assert self._asked is not None  # noqa: S101  # the same
        with self._lock:
            self._clock_note = self._clock.follow(down.platform_s, down.rate, way_s=way_s)
            now = self._clock.now()
            self._plan = PlanNote(
                told_s=now.timestamp(),
                nodes=down.nodes,
                floors=down.floors,
                outlook=down.outlook or self._plan.outlook,
            )
            self._pushed = down.pushed
            if self._asked.told(down.requests, down.requests_digest, down.wishes, now):
                self._outbox.commit((), noted(self._asked.note))


def _readings_of(rows: Sequence[ReadingRow]) -> list[PointReading]:
    """Readings that hosts pushed; a row that is none, e.g. of a newer server's points, is passed over."""
    found = []
    for row in rows:
        try:
            found.append(row.reading())
        except (OndolError, OverflowError, ValueError) as error:
            _log.warning("what was pushed for %s is passed over: %s", row.entity_id, error)
    return found
