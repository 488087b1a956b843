"""Which creations are being answered now, and which answers were lost on their way: the memory behind `Once`."""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ondol.model.errors import ConflictError, UnavailableError
from ondol.server.once.journal import DOUBT_S, Intent, Journal

WAIT_S = 20.0  # how long a request waits for the one that it repeats [s, wall]
MOST_WAITING, MOST_OF_ONE = 16, 4  # requests that wait at once, of all and of one account: each holds a thread
_SWEEP_S = 10.0
_OVERTAKEN_S = 30.0  # longest time from a request's arrival to its beginning in which one that overtakes it is known


@dataclass(slots=True, eq=False)
class Record:
    """One request that creates something and came without a key.

    Parameters
    ----------
    intent : its answer, None until that is known
    lost_at : when its client went away without the answer, None while it stands [s, monotonic]
    done : set once nothing more will be stored for it
    """

    account: str
    fingerprint: str
    intent: Intent | None = None
    lost_at: float | None = None
    claimed: bool = False
    done: threading.Event = field(default_factory=threading.Event)


class AnswerBook:
    """Thread-safe. Knows nothing of HTTP nor of what is created."""

    def __init__(self, journal: Journal, now_s: Callable[[], float] = time.monotonic) -> None:
        self._journal, self._now_s = journal, now_s
        self._lock = threading.Lock()
        self._records: dict[tuple[str, str], list[Record]] = {}
        self._begun_s: dict[tuple[str, str], float] = {}  # when the last like request began, for a while
        self._keys: dict[tuple[str, str], tuple[str, threading.Event]] = {}
        self._waiting: Counter[str] = Counter()
        self._swept_s = now_s()
        for intent in journal.unsettled():
            record = Record(intent.account, intent.fingerprint, intent=intent, lost_at=now_s())
            record.done.set()
            self._records.setdefault((intent.account, intent.fingerprint), []).append(record)

    # -- requests without a key --

    def now_s(self) -> float:
        """The time that `claim_or_begin` counts in [s, monotonic]."""
        return self._now_s()

    def claim_or_begin(self, account: str, fingerprint: str, *, gone_since_s: float | None = None) -> Record:
        """A like request whose client went away without its answer, `claimed` by this one alone; else a new one.

        Raises UnavailableError for a request whose client went away before it began, where a like one overtook it.

        Parameters
        ----------
        gone_since_s : arrival of a request whose client is gone already, None where the client stands [s, monotonic]
        """
        place = (account, fingerprint)
        with self._lock:
            self._sweep()
            for record in self._records.get(place, ()):
                if record.lost_at is not None and not record.claimed:
                    record.claimed = True
                    return record
            if gone_since_s is not None and self._begun_s.get(place, -math.inf) >= gone_since_s:
                raise UnavailableError("The client hung up, and has asked again meanwhile")
            return self._begun(place)

    def begin(self, account: str, fingerprint: str) -> Record:
        """A new request, of which nobody has heard the end."""
        with self._lock:
            return self._begun((account, fingerprint))

    def _begun(self, place: tuple[str, str]) -> Record:
        """Note a new request; held lock."""
        record = Record(*place)
        self._records.setdefault(place, []).append(record)
        self._begun_s[place] = self._now_s()
        return record

    def intend(
        self, record: Record, *, path: str, made: tuple[str, ...], status: int, body: bytes, location: str
    ) -> Intent:
        """Note the answer of a request, before what it speaks of is stored."""
        record.intent = Intent(
            number=uuid.uuid4().hex,
            account=record.account,
            fingerprint=record.fingerprint,
            path=path,
            made=made,
            status=status,
            body=body,
            location=location,
            at=time.time(),
        )
        self._journal.intend(record.intent)
        return record.intent

    def cancel(self, record: Record) -> None:
        """Nothing was stored after all."""
        if record.intent is not None:
            self._journal.settle(record.intent.number)
            record.intent = None

    def wait(self, record: Record) -> None:
        """Wait until nothing more will be stored for a claimed request.

        Raises UnavailableError where that takes long or too many wait; then the next one may claim it.
        """
        try:
            with self._waits(record.account):
                over = record.done.wait(WAIT_S)
        except ConflictError:
            over = False
        if not over:
            with self._lock:
                record.claimed = False
            raise UnavailableError("The same request is still being worked on; ask again")

    def heard(self, record: Record) -> None:
        """The answer has gone out to a client that stood there: nobody will ask for it again."""
        if record.intent is not None:
            self._journal.settle(record.intent.number)
        self._forget(record)

    def lost(self, record: Record) -> None:
        """The client went away without the answer, or was given another one: it may ask again."""
        with self._lock:
            record.lost_at, record.claimed = self._now_s(), False
        if record.done.is_set() and record.intent is None:
            self._forget(record)

    def end(self, record: Record) -> None:
        """Nothing more will be stored for a request."""
        record.done.set()

    # -- requests with a key --

    @contextmanager
    def alone(self, account: str, key: str, fingerprint: str) -> Iterator[None]:
        """Hold a key; who comes with it meanwhile waits. Raises ConflictError where that takes long."""
        mine = (fingerprint, threading.Event())
        while True:
            with self._lock:
                holder = self._keys.setdefault((account, key), mine)
            if holder is mine:
                break
            with self._waits(account):
                if not holder[1].wait(WAIT_S):
                    raise ConflictError("A request with this Idempotency-Key is still being worked on; ask again")
        try:
            yield
        finally:
            with self._lock:
                del self._keys[account, key]
            mine[1].set()

    @contextmanager
    def _waits(self, account: str) -> Iterator[None]:
        with self._lock:
            if self._waiting.total() >= MOST_WAITING or self._waiting[account] >= MOST_OF_ONE:
                raise ConflictError("The same request is still being worked on; ask again")
            self._waiting[account] += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting[account] -= 1
                if not self._waiting[account]:
                    del self._waiting[account]

    def _forget(self, record: Record) -> None:
        with self._lock:
            place = (record.account, record.fingerprint)
            left = [one for one in self._records.get(place, ()) if one is not record]
            if left:
                self._records[place] = left
            else:
                self._records.pop(place, None)

    def _sweep(self) -> None:
        """Let go of lost answers that nobody asked for in time; held lock."""
        now_s = self._now_s()
        if now_s - self._swept_s < _SWEEP_S:
            return
        self._swept_s = now_s
        self._begun_s = {place: at_s for place, at_s in self._begun_s.items() if now_s - at_s < _OVERTAKEN_S}
        for place, records in list(self._records.items()):
            left = [one for one in records if one.lost_at is None or one.claimed or now_s - one.lost_at < DOUBT_S]
            if left:
                self._records[place] = left
            else:
                del self._records[place]
