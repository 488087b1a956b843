"""Given lessons that take long, then samples cost nothing meanwhile, physics plan, and closing does not wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from ondol.control.grids import Grids
from ondol.control.lessons import Lesson, Lessons
from ondol.control.outlook import Outlook
from ondol.control.study import Aside, Study
from ondol.control.work_log import WorkLog
from ondol.demo.fleet import demo_fleet
from ondol.drivers.virtual.surroundings import OutdoorState

FLEET = demo_fleet()
NOW_S = 1_643_000_400.0


class Holds:
    """Keeps a job until it is let go."""

    closing = False

    def __init__(self) -> None:
        self.job: Callable[[], None] | None = None

    @property
    def free(self) -> bool:
        return self.job is None

    def __call__(self, job: Callable[[], None]) -> bool:
        self.job = job
        return True

    def go(self) -> None:
        assert self.job is not None
        self.job()
        self.job = None


def outlook_with(study: Study) -> Outlook:
    return Outlook(
        FLEET,
        Grids(FLEET),
        weather=lambda _: OutdoorState(temp_c=3.0, solar_w_m2=0.0),
        work=WorkLog({}, clock_rate=1.0, now_s=NOW_S),
        study=study,
    )


def test_no_sample_puts_readings_together_while_a_lesson_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    study = Holds()
    outlook = outlook_with(study)
    asked: list[float] = []
    readings = outlook._log.readings
    monkeypatch.setattr(outlook._log, "readings", lambda now_s: asked.append(now_s) or readings(now_s))
    for hour in range(3):
        outlook.note(NOW_S + 3600.0 * hour, ())
    assert asked == [NOW_S]
    study.go()
    outlook.note(NOW_S + 7300.0, ())
    assert asked == [NOW_S, NOW_S + 7300.0], "the hours that ended meanwhile are not forgotten"


def test_physics_can_plan_while_two_months_are_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    study = Holds()
    outlook = outlook_with(study)
    first = outlook._lessons.by_physics(NOW_S)
    assert first is not None
    seen: list[Lesson | None] = []

    def learn(now_s: float, _readings: object) -> Lesson | None:
        seen.append(outlook.lesson)
        return None if len(seen) == 1 else first  # the first is stopped

    monkeypatch.setattr(outlook._lessons, "by_physics", lambda _: first)
    monkeypatch.setattr(outlook._lessons, "draw_up", learn)
    outlook.note(NOW_S, ())
    study.go()
    assert seen == [first], "it is there before the learning begins"
    assert outlook.lesson is first
    outlook.note(NOW_S + 25 * 3600.0, ())
    monkeypatch.setattr(outlook._lessons, "by_physics", lambda _: None)
    study.go()
    assert seen == [first, None], "one that is a day old makes room for physics too"


def test_closing_ends_a_long_lesson_between_two_sinks(monkeypatch: pytest.MonkeyPatch) -> None:
    aside, begun = Aside(), threading.Event()
    outlook = outlook_with(aside)

    def slow(*_: object) -> None:
        begun.set()
        time.sleep(0.2)
        raise ArithmeticError

    for part in ("_tank", "_heated"):
        monkeypatch.setattr(Lessons, part, slow)
    outlook.note(NOW_S, ())
    assert begun.wait(10)
    assert not aside.free
    began_s = time.monotonic()
    aside.close()
    assert time.monotonic() - began_s < 0.2 * len(FLEET.sinks)
    assert outlook.lesson is None
    assert not aside.free, "nothing begins any more"
    assert not aside(lambda: None)
