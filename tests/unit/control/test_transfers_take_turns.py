"""Given many transfers of several accounts, when they queue, then accounts take turns and long ones starve nobody."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from ondol.control.progress import IN, OUT, ProgressBook
from ondol.control.transfers import Transfers
from ondol.model.errors import UnavailableError
from ondol.model.ids import AccountId, AttemptId

A, B, C = AccountId("a"), AccountId("b"), AccountId("c")


class OneByOne(Executor):
    """Runs what was submitted when told to."""

    def __init__(self) -> None:
        self.queue: list[tuple[Any, tuple[Any, ...]]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.queue.append((fn, args))
        return Future()

    def run_all(self) -> None:
        while self.queue:
            fn, args = self.queue.pop(0)
            fn(*args)


class AtOnce(OneByOne):
    """Runs what is submitted before it answers."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        fn(*args)
        return Future()


def test_a_pool_that_works_at_once_is_fine() -> None:
    transfers, done = Transfers(pool=AtOnce()), []

    def first() -> None:
        transfers.submit(A, lambda: done.append("second"))
        done.append("first")

    transfers.submit(A, first)
    assert done == ["second", "first"]


def test_accounts_take_turns() -> None:
    pool, done = OneByOne(), []
    transfers = Transfers(usual=1, most=1, pool=pool)
    for account in (A, A, A, A, B, B, C):
        transfers.submit(account, lambda account=account: done.append(account))
    pool.run_all()
    assert done == [A, A, B, C, A, B, A], "the first A had begun before the others came"


def test_what_may_wait_comes_later_but_not_never() -> None:
    pool, done = OneByOne(), []
    transfers = Transfers(usual=1, most=1, pool=pool)
    transfers.submit(A, lambda: done.append("first"))
    transfers.submit(A, lambda: done.append("snapshot"), may_wait=True)
    for _ in range(20):
        transfers.submit(B, lambda: done.append("job"))
    pool.run_all()
    assert 5 <= done.index("snapshot") <= 9


def test_long_ones_of_some_do_not_keep_another_account_waiting() -> None:
    transfers, go_on, ran = Transfers(usual=2, most=4), threading.Event(), threading.Event()
    busy = threading.Semaphore(0)

    def long() -> None:
        busy.release()
        assert go_on.wait(10)

    for account in (A, A, A, A, A, B, B):
        transfers.submit(account, long)
    try:
        for _ in range(3):
            assert busy.acquire(timeout=10)
        assert not busy.acquire(timeout=0.1), "two at once, and one more for who had none"
        transfers.submit(C, ran.set)
        assert ran.wait(10)
    finally:
        go_on.set()
        transfers.close()


def test_closing_drops_what_waits_and_waits_for_what_runs() -> None:
    transfers, begun, ended, done = Transfers(usual=1, most=1), threading.Event(), threading.Event(), []

    def running() -> None:
        begun.set()
        while not transfers.closing:
            ended.wait(0.01)
        ended.set()

    transfers.submit(A, running)
    transfers.submit(A, lambda: done.append("never"))
    assert begun.wait(10)
    transfers.close()
    assert ended.is_set()
    assert done == []
    assert transfers.submit(A, lambda: done.append("too late")) is False


def test_one_that_breaks_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    transfers, ran = Transfers(usual=1, most=1), threading.Event()
    transfers.submit(A, lambda: 1 / 0)
    transfers.submit(A, ran.set)
    assert ran.wait(10)
    transfers.close()
    assert "ZeroDivisionError" in caplog.text


def test_a_store_that_comes_back_is_waited_for_but_not_while_closing() -> None:
    transfers, tries = Transfers(), []

    def flaky() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise UnavailableError("The object store restarts")

    transfers.persist(flaky)
    assert len(tries) == 3
    transfers.close()
    tries.clear()
    with pytest.raises(UnavailableError):
        transfers.persist(flaky)
    assert len(tries) == 1


def test_progress_is_told_by_attempt_and_way() -> None:
    clock = iter(range(100))
    transfers, key = Transfers(ProgressBook(lambda: float(next(clock)))), AttemptId("t.000000.001")
    book = transfers.book
    assert transfers.progress(key) is None
    book.begin(key, IN)
    book.expect(key, IN, 200)
    book.add(key, IN, 50)
    assert transfers.progress(key) == ("in", 50, 200)
    book.add(key, IN, -50)
    book.add(key, IN, 300)
    assert transfers.progress(key) == ("in", 200, 200), "never beyond its end"
    book.end(key, IN)
    assert book.duration_s(key, IN) == 1.0
    book.begin(key, OUT)
    found = transfers.progress(key)
    assert found == ("out", 0, 0)
    assert found.share == 1.0
    assert book.of(key, IN) == ("in", 200, 200)
    book.forget(key)
    assert transfers.progress(key) is None
    transfers.close()
