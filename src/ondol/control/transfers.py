"""Transfers in few threads, fairly: accounts take turns, and nobody's long ones keep the others waiting."""

from __future__ import annotations

import functools
import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from ondol.control.progress import ProgressBook, TransferProgress
from ondol.model.errors import OndolError, UnavailableError
from ondol.model.ids import AccountId, AttemptId

_log = logging.getLogger(__name__)
_USUAL = 4  # transfers at once; each large object is moved in several parts at once beside
_MOST = 16  # transfers at once where accounts that have none under way wait for others' long ones
_LATER_TURN = 8  # every so many turns one is given to what may wait, where such a thing waits
_PATIENCE = 8  # tries while the object store cannot answer, with growing waits: about a minute
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 15.0

Work = Callable[[], None]


class Transfers:
    """Runs transfers.

    One account after the other gets a turn. At most `usual` run at once, but for an account that has none under way
    further ones are begun, up to `most`. What may wait (snapshots) comes after what jobs wait for, yet gets a turn
    now and then.

    Parameters
    ----------
    progress : where the transfers' progress is noted
    usual, most : transfers at once, 1 ≤ usual ≤ most
    pool : runs what has its turn; None for threads of its own
    """

    def __init__(
        self,
        progress: ProgressBook | None = None,
        *,
        usual: int = _USUAL,
        most: int = _MOST,
        pool: Executor | None = None,
    ) -> None:
        self.book = progress or ProgressBook()
        self._usual, self._most = usual, most
        self._pool = pool or ThreadPoolExecutor(most, "transfer")
        self._lock = threading.Lock()
        self._soon: OrderedDict[AccountId, deque[Work]] = OrderedDict()
        self._later: OrderedDict[AccountId, deque[Work]] = OrderedDict()
        self._running: dict[AccountId, int] = {}
        self._turns = 0  # given while something waited that may wait
        self._closing = threading.Event()

    @property
    def closing(self) -> bool:
        """Whether transfers are to end after the file that they are at."""
        return self._closing.is_set()

    def submit(self, account_id: AccountId, work: Work, *, may_wait: bool = False) -> bool:
        """Have something done when the account has its turn; False where no more is taken.

        Parameters
        ----------
        work : is called in a thread, once; what it raises is logged
        may_wait : whether it comes after what jobs wait for
        """
        with self._lock:
            if self.closing:
                return False
            (self._later if may_wait else self._soon).setdefault(account_id, deque()).append(work)
        self._give_turns()
        return True

    def progress(self, attempt_id: AttemptId) -> TransferProgress | None:
        """(way, done bytes, total bytes) of an attempt's latest transfer; None where none began since the start."""
        return self.book.of(attempt_id)

    def persist(self, work: Callable[[], object]) -> None:
        """Do something again while the object store cannot answer: it restarts by itself.

        Raises UnavailableError where it still cannot after about a minute, or the platform closes.
        """
        for turn in range(_PATIENCE):
            try:
                work()
            except UnavailableError as error:
                if turn == _PATIENCE - 1 or self.closing:
                    raise
                _log.warning("%s; trying again", error)
                self._closing.wait(min(_FIRST_WAIT_S * 2**turn, _LONGEST_WAIT_S))
            else:
                return

    def close(self) -> None:
        """Let running transfers end after the file that they are at, begin no others."""
        with self._lock:
            self._closing.set()
            self._soon.clear()
            self._later.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _give_turns(self) -> None:
        """Begin what has its turn; without the lock, as a pool may do at once what it is given."""
        while True:
            with self._lock:
                chosen = None if self.closing else self._next()
                if chosen is None:
                    return
                account_id, work = chosen
                self._running[account_id] = self._running.get(account_id, 0) + 1
            try:
                self._pool.submit(functools.partial(self._run, account_id, work))
            except RuntimeError:  # the pool was closed since
                if not self.closing:
                    raise
                return

    def _next(self) -> tuple[AccountId, Work] | None:
        lines = [line for line in (self._soon, self._later) if line]
        if len(lines) > 1 and self._turns % _LATER_TURN == _LATER_TURN - 1:
            lines.reverse()
        for line in lines:
            for account_id in line:
                if self._has_room(account_id):
                    self._turns += bool(self._later)
                    waiting = line[account_id]
                    work = waiting.popleft()
                    if waiting:
                        line.move_to_end(account_id)
                    else:
                        del line[account_id]
                    return account_id, work
        return None

    def _has_room(self, account_id: AccountId) -> bool:
        running = sum(self._running.values())
        return running < self._usual or (running < self._most and account_id not in self._running)

    def _run(self, account_id: AccountId, work: Work) -> None:
        try:
            if not self.closing:
                work()
        except OndolError as error:
            _log.warning("a transfer failed: %s", error)
        except Exception:  # noqa: BLE001  # nobody looks at what a thread raised
            _log.exception("a transfer met what nobody foresaw")
        finally:
            with self._lock:
                self._running[account_id] -= 1
                if not self._running[account_id]:
                    del self._running[account_id]
            self._give_turns()
