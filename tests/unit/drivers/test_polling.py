"""The polling thread: a dead peer, a peer that returns, a fault of ours, a quick end."""

from __future__ import annotations

import datetime as dt
import logging
import random
import threading
import time

import pytest

from ondol.drivers.polling import LONGEST_WAIT_S, Poller
from ondol.model.errors import InvalidFieldError, UnavailableError

START = dt.datetime(2026, 1, 5, 6, 0, tzinfo=dt.UTC)


class _Device:
    """Answers, or fails in the way it was told."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.calls = 0
        self.called = threading.Event()

    def poll(self) -> str | None:
        self.calls += 1
        self.called.set()
        if self.failure is not None:
            raise self.failure
        return None


class _Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> dt.datetime:
        return self.at


def test_a_poller_calls_again_and_again_and_ends_quickly() -> None:
    # given a device that answers, asked every 10 ms
    device = _Device()
    third = threading.Event()

    def poll() -> None:
        device.poll()
        if device.calls == 3:
            third.set()

    poller = Poller("bus", 0.01, poll, now=_Clock())
    # when the poller is opened, twice
    poller.open()
    poller.open()
    # then it is asked many times, by one thread
    assert third.wait(5.0)
    begin_s = time.monotonic()
    poller.close()
    poller.close()
    assert time.monotonic() - begin_s < 2.0
    calls = device.calls
    assert poller.status.connected
    assert poller.status.polls == calls
    assert not [thread for thread in threading.enumerate() if thread.name == "poll bus"]


def test_a_long_interval_does_not_delay_the_end_and_wake_polls_at_once() -> None:
    device = _Device()
    poller = Poller("bus", 3600.0, device.poll, now=_Clock())
    poller.open()
    assert device.called.wait(5.0)
    device.called.clear()
    poller.wake()
    assert device.called.wait(5.0)
    begin_s = time.monotonic()
    poller.close()
    assert time.monotonic() - begin_s < 2.0


def test_a_closed_poller_can_be_opened_again() -> None:
    device = _Device()
    poller = Poller("bus", 3600.0, device.poll, now=_Clock())
    for _ in range(2):
        device.called.clear()
        poller.open()
        assert device.called.wait(5.0)
        poller.close()
    assert device.calls == 2


def test_status_tells_since_when_nobody_answers_and_why(caplog: pytest.LogCaptureFixture) -> None:
    # given a device that answers
    device, clock = _Device(), _Clock()
    poller = Poller("bus", 10.0, device.poll, now=clock)
    assert not poller.status.connected
    with caplog.at_level(logging.INFO, logger="ondol.drivers.polling"):
        assert poller.poll_once().connected
        # when it goes silent for three polls
        device.failure = UnavailableError("10.0.0.7:502 does not answer: is it switched on?")
        clock.at += dt.timedelta(seconds=10)
        gone_at = clock.at
        for _ in range(3):
            status = poller.poll_once()
            clock.at += dt.timedelta(seconds=10)
        # then the status holds the reason and the moment of the first failure
        assert not status.connected
        assert status.since == gone_at
        assert "switched on" in status.detail
        assert (status.polls, status.errors) == (4, 3)
        # and when it returns, since is the return
        device.failure = None
        status = poller.poll_once()
        assert status.connected
        assert status.since == clock.at
        assert status.detail == ""
    # and each change was logged once
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "INFO"]


def test_waits_double_up_to_a_minute_and_spread() -> None:
    device = _Device()
    device.failure = ConnectionRefusedError("refused")
    poller = Poller("bus", 1.0, device.poll, now=_Clock(), chance=random.Random(7))
    waits_s = []
    for _ in range(12):
        poller.poll_once()
        waits_s.append(poller._backoff_s())
    for count, wait_s in enumerate(waits_s):
        middle_s = min(2.0**count, LONGEST_WAIT_S)
        assert 0.8 * middle_s <= wait_s <= 1.2 * middle_s
    assert len(set(waits_s)) == 12


def test_a_long_interval_is_tried_again_soon_and_then_as_seldom_as_it_says() -> None:
    # given a meter that is asked every quarter of an hour
    device = _Device()
    device.failure = TimeoutError("silent")
    poller = Poller("meter", 900.0, device.poll, now=_Clock(), chance=random.Random(7))
    # when it stays silent, one lost frame costs seconds, and an outage no more requests than the interval says
    waits_s = []
    for _ in range(12):
        poller.poll_once()
        waits_s.append(poller._backoff_s())
    assert waits_s[0] <= 2.4
    assert 0.8 * 900.0 <= waits_s[-1] <= 1.2 * 900.0


def test_a_fault_of_ours_is_logged_and_counted_and_the_thread_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    # given a poll that breaks on something that nobody foresaw, once
    calls = 0
    healed = threading.Event()

    def poll() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ZeroDivisionError("odd frame")
        healed.set()

    poller = Poller("bus", 0.02, poll, now=_Clock())
    # when it runs
    poller.open()
    # then it goes on
    assert healed.wait(5.0)
    poller.close()
    assert poller.status.errors == 1
    assert poller.status.connected
    assert any(record.exc_info for record in caplog.records)


def test_close_from_within_poll_does_not_lock() -> None:
    ended = threading.Event()

    def poll() -> None:
        poller.close()
        ended.set()

    poller = Poller("bus", 0.01, poll, now=_Clock())
    poller.open()
    assert ended.wait(5.0)


def test_an_interval_of_zero_is_refused() -> None:
    with pytest.raises(InvalidFieldError, match="interval_s"):
        Poller("bus", 0.0, lambda: None, now=_Clock())
