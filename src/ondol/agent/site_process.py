"""A site's agent as a process of its own: a loop that never waits for the network, and a link that does."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ondol.agent.asked import Asked, AskedNote
from ondol.agent.body import STAND_DOWN_S, SiteBody
from ondol.agent.conversation import Conversation
from ondol.agent.link import ServerLink
from ondol.agent.outbox import Outbox
from ondol.agent.plan import PlanNote, guidance_of
from ondol.agent.recorder import Recorder, RecorderNote
from ondol.agent.site_clock import ASTRAY_S, ClockNote, SiteClock
from ondol.agent.site_folder import SiteFolder
from ondol.agent.site_knowledge import Knowledge
from ondol.agent.site_memory import Stand, noted, recall
from ondol.agent.wire import Item, Setup
from ondol.drivers.ports import Driver
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.storage.fleet_file import load_fleet

_log = logging.getLogger(__name__)
PERIOD_S = 1.0
"""Time between two steps [s, wall]."""
STAND_S = 60.0
"""All that is remembered is written so often [s, platform]."""
_FAULT_PAUSE_S = 1.0
_LINK_END_S = 10.0  # how long an exchange under way is waited for [s, wall]
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
        folder = SiteFolder(settings.data)
        self._locked = folder.lock()
        try:
            self._link = ServerLink(settings.server, settings.site_id, settings.token_file, ca_file=settings.ca_file)
            self._outbox = Outbox(folder.store_file)
        except BaseException:
            self._locked.close()
            raise
        self._known = Knowledge(
            setup=recall(self._outbox, Setup),
            plan=recall(self._outbox, PlanNote) or PlanNote(),
            clock_note=recall(self._outbox, ClockNote),
        )
        kept = self._known.setup
        if kept is not None and kept.site_id != settings.site_id:
            self.close()
            raise InvalidFieldError(
                "--data", str(settings.data), f"a folder of {settings.site_id}; this one is {kept.site_id}'s"
            )
        self._talk = Conversation(self._link, self._outbox, self._known, self._ended)
        self._recorder = Recorder(recall(self._outbox, RecorderNote))
        self._unwritten: tuple[Item, ...] = ()
        self._stand_s = float("-inf")

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
        setup = self._known.setup or self._talk.first_contact()
        if setup is None:
            return
        body = self._build(setup)
        caller = threading.Thread(target=self._talk.keep_in_touch, name="link", daemon=True)
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
            self._stand_down(body, caller)

    def _stand_down(self, body: SiteBody, caller: threading.Thread) -> None:
        """Leave the site so that nothing is heated without a watch, and say so to the server.

        Power limits of nodes go back to what they were only where the server knows, for it takes their work away then.
        Where it does not, nodes stay at idle power, as far as their devices keep that by themselves.
        """
        assert self._known.clock is not None  # noqa: S101  # `_build` set it
        body.stand_down(self._known.clock.now())
        if not body.settle(STAND_DOWN_S):
            _log.warning("site %s: not all that was ordered at the end could be written", body.site_id)
        self._keep_stand(body)
        caller.join(_LINK_END_S)
        told = not caller.is_alive() and self._talk.leave()
        _log.info(
            "site %s ended in order: water's other heaters are off, rooms' go by their own thermostats, nodes %s",
            body.site_id,
            "are the server's now" if told else "stay at idle power: the server could not be told",
        )
        body.close(put_back=told)
        self._keep_stand(body)  # once more: what was put back is no limit of ours any more
        caller.join(_LINK_END_S)

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
        asked = Asked(fleet, recall(self._outbox, AskedNote) if self._known.asked is None else self._known.asked.note)
        with self._known.lock:
            note = self._known.clock_note or ClockNote(platform_s=setup.platform_s, wall_s=time.time(), rate=setup.rate)
            if self._known.clock is None:
                self._known.clock = SiteClock(note, not_before_s=0.0 if stand is None else stand.stepped_s)
        now = self._known.clock.now
        body = SiteBody(fleet, now=now, drivers=None if self._make_drivers is None else self._make_drivers(fleet, now))
        if stand is not None:
            try:
                body.restore(stand.body)
            except InvalidFieldError as error:
                _log.warning("what was remembered does not fit, the site begins afresh: %s", error)
        with self._known.lock:
            self._known.setup, self._known.asked = setup, asked
        return body

    def _rebuilt(self, body: SiteBody) -> SiteBody:
        """The body, made anew where the server has another fleet; where that one cannot be served, the old one."""
        with self._known.lock:
            fresh, self._known.fresh_setup = self._known.fresh_setup, None
            astray = self._known.clock is not None and self._known.clock.ahead_s > ASTRAY_S * self._known.clock.rate
        if astray:
            return self._set_right(body)
        if fresh is None:
            return body
        self._keep_stand(body)
        try:
            made = self._made(fresh)  # nothing is opened yet: the old one goes on where this fails
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, the site must not lose its control
            _log.error("the new fleet cannot be served, the old one stays: %r", error)
            self._known.refused_fleet = fresh.fleet
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
        assert self._known.setup is not None  # noqa: S101  # a body was built of it
        body.close()
        with self._known.lock:
            assert self._known.clock_note is not None  # noqa: S101  # the server has just told it
            self._known.clock = SiteClock(self._known.clock_note)
            self._known.plan = msgspec.structs.replace(self._known.plan, told_s=self._known.clock.now_s())
            self._known.step = None
        self._recorder, self._stand_s = Recorder(), float("-inf")
        made = self._made(self._known.setup, afresh=True)
        made.open()
        return made

    def _take_step(self, body: SiteBody) -> None:
        assert self._known.clock is not None  # noqa: S101  # `_build` set it
        assert self._known.asked is not None  # noqa: S101  # the same
        now = self._known.clock.now()
        with self._known.lock:
            asked, plan = self._known.asked, self._known.plan
            guidance = guidance_of(plan, asked.effective(now), now)
        if pushed := self._known.take_pushed():
            body.push(pushed)
        step = body.step(
            now,
            guidance,
            wish_of=lambda sink_id: asked.wish_of(sink_id, now),
            more_alarms=self._known.lost_notes(self._settings.site_id, now),
        )
        self._unwritten = (*self._unwritten, *self._recorder.take(step))[-_MOST_UNWRITTEN:]
        documents = noted(self._recorder.note) if self._unwritten else {}
        with self._known.lock:
            for wish in step.wishes:
                asked.wish(wish, now)
            if step.wishes:
                documents |= noted(asked.note)
            self._known.step = step
        if now.timestamp() - self._stand_s >= STAND_S:
            documents |= self._stand(body, now)
        if self._unwritten or documents:
            self._outbox.commit(self._unwritten, documents, now=now)  # a full disk: they are tried again
            self._unwritten = ()

    def _note_failure(self, body: SiteBody) -> None:
        """Have the body made safe where steps fail for long, and have the server know."""
        assert self._known.clock is not None  # noqa: S101  # `_build` set it
        now = self._known.clock.now()
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
        with self._known.lock:
            notes: list[object] = [self._known.plan, Stand(stepped_s=self._stand_s, body=body.snapshot())]
            if self._known.clock_note is not None:
                notes.append(self._known.clock_note)
            if self._known.asked is not None:
                notes.append(self._known.asked.note)
        return noted(*notes)

    def _keep_stand(self, body: SiteBody) -> None:
        assert self._known.clock is not None  # noqa: S101  # `_build` set it
        try:
            self._outbox.commit((), self._stand(body, self._known.clock.now()))
        except UnavailableError as error:
            _log.error("what is remembered could not be written: %s", error)
