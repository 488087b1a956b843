"""What one agent says to its server and hears from it, in a thread of its own: the loop never waits for it."""

from __future__ import annotations

import logging
import random
import secrets
import threading
import time
from importlib.metadata import version

from ondol.agent.link import ServerLink, ServerRefusedError, wait_s
from ondol.agent.outbox import Outbox
from ondol.agent.plan import PlanNote
from ondol.agent.site_clock import ClockNote
from ondol.agent.site_knowledge import Knowledge
from ondol.agent.site_memory import noted
from ondol.agent.wire import Down, Have, Setup, Up
from ondol.model.errors import UnavailableError

_log = logging.getLogger(__name__)
_LEAST_PAUSE_S = 0.1


class Conversation:
    """Keeps in touch with one server about one site.

    Parameters
    ----------
    known : what the loop knows, too
    ended : set where the agent is to end
    """

    def __init__(self, link: ServerLink, outbox: Outbox, known: Knowledge, ended: threading.Event) -> None:
        self._link, self._outbox, self._known, self._ended = link, outbox, known, ended
        self._life = secrets.token_hex(8)

    def first_contact(self) -> Setup | None:
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
            note = ClockNote(platform_s=setup.platform_s, wall_s=time.time(), rate=setup.rate)
            plan = PlanNote(told_s=setup.platform_s)  # it has just answered: no plan yet, but not lost either
            with self._known.lock:
                self._known.clock_note, self._known.plan = note, plan
            self._outbox.commit((), noted(setup, note, plan))
            return setup
        return None

    def keep_in_touch(self) -> None:
        """Exchange again and again until the agent is to end; whatever fails, it goes on."""
        failures = 0
        while not self._ended.is_set():
            try:
                pause_s = self._exchange()
                if failures:
                    _log.info("the server answers again")
                failures = 0
                self._refused("")
            except (UnavailableError, ServerRefusedError) as error:
                failures += 1
                if isinstance(error, ServerRefusedError):
                    self._refused(str(error))
                if failures == 1:
                    _log.warning("%s; the site goes on by itself", error)
                pause_s = wait_s(failures) * random.uniform(0.8, 1.2)
            except Exception:  # noqa: BLE001  # the site steps on; the link has to, too
                _log.exception("an exchange failed")
                failures += 1
                pause_s = wait_s(failures)
            self._ended.wait(pause_s)

    def leave(self) -> bool:
        """Tell the server that this agent ends in order; False where it could not be told, for nobody waits long."""
        try:
            self._tell(leaving=True)
        except (UnavailableError, ServerRefusedError) as error:
            _log.warning("the server could not be told of this end: %s", error)
            return False
        except Exception:  # noqa: BLE001  # the agent ends all the same
            _log.exception("the server could not be told of this end")
            return False
        return True

    def _exchange(self) -> float:
        """Tell and hear once; gives how long to wait until the next time [s, wall]."""
        up, down, way_s = self._tell()
        self.take(down, way_s)
        self._outbox.acknowledge(down.acknowledged)  # last: the plan counts also where the disk is full
        with self._known.lock:
            refused_fleet = self._known.refused_fleet
        if down.fleet not in (up.have.fleet, refused_fleet):
            fresh, _ = self._link.setup()
            with self._known.lock:
                self._known.fresh_setup = fresh
        taken = not up.items or down.acknowledged >= up.items[-1].number
        return 0.0 if taken and up.waiting > len(up.items) else max(down.next_s, _LEAST_PAUSE_S)

    def _tell(self, *, leaving: bool = False) -> tuple[Up, Down, float]:
        items = self._outbox.batch()
        waiting = self._outbox.waiting()
        with self._known.lock:
            known = self._known
            assert known.clock is not None  # noqa: S101  # the loop has set all three before this thread began
            assert known.asked is not None  # noqa: S101
            assert known.setup is not None  # noqa: S101
            step, note, outlook = known.step, known.asked.note, known.plan.outlook
            up = Up(
                program=f"ondol {version('ondol')}",
                outbox=self._outbox.id,
                now=known.clock.now(),
                orders=None if step is None else step.orders,
                sinks=() if step is None else step.sensed.readings.sinks,
                units=() if step is None else step.sensed.readings.units,
                nodes=() if step is None else step.nodes,
                items=items,
                waiting=waiting,
                life=self._life,
                leaving=leaving,
                have=Have(
                    fleet=known.setup.fleet,
                    requests=note.digest,
                    wishes_after=note.after,
                    outlook_s=0.0 if outlook is None else outlook.made_s,
                ),
            )
        down, way_s = self._link.exchange(up)
        return up, down, way_s

    def _refused(self, words: str) -> None:
        with self._known.lock:
            self._known.refused = words

    def take(self, down: Down, way_s: float) -> None:
        """Take what the server told.

        Parameters
        ----------
        way_s : how long its answer was on the way [s, wall]
        """
        with self._known.lock:
            known = self._known
            assert known.clock is not None  # noqa: S101  # the loop has set both before this thread began
            assert known.asked is not None  # noqa: S101
            known.clock_note = known.clock.follow(down.platform_s, down.rate, way_s=way_s)
            now = known.clock.now()
            known.plan = PlanNote(
                told_s=now.timestamp(),
                nodes=down.nodes,
                floors=down.floors,
                outlook=down.outlook or known.plan.outlook,
            )
            known.pushed = down.pushed
            if known.asked.told(down.requests, down.requests_digest, down.wishes, now):
                self._outbox.commit((), noted(known.asked.note))
