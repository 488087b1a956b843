"""Given a fleet of many units, when powers change all the time, then the screen still shows starts and stops."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ondol.control.placing import LINES, POWERS, Placing
from ondol.model.decision import Decision, SetPower, Start, Stop, Wait
from ondol.model.ids import InstanceId, NodeId, UnitId

NOON = dt.datetime(2022, 1, 26, 12, tzinfo=dt.UTC)


class NoWorks:
    def apply(self, *_: object) -> None: ...


def placing() -> Placing:
    works: Any = NoWorks()
    policy: Any = None
    return Placing(works, policy, None, None)


def decide(mine: Placing, minute: int, *decision: Any) -> None:
    made: Decision = tuple(decision)
    mine._apply(made, NOON + dt.timedelta(minutes=minute))


def power(unit: int, reason: str) -> SetPower:
    return SetPower(UnitId(f"u{unit}"), 500.0, reason)


def test_a_start_stays_on_the_screen_however_many_powers_change() -> None:
    mine = placing()
    begun = Start(InstanceId("t.0"), NodeId("n"), "heat is wanted")
    for minute in range(5):
        powers = [power(unit, f"for {minute} running in {unit}") for unit in range(1000)]
        decide(mine, minute, *([begun] if minute == 0 else []), *powers)
    decide(mine, 6, Stop(InstanceId("t.0"), "over"), Wait((InstanceId("t.1"),), "why not"))
    lines = mine.lines
    assert [line.action for line in lines if line.action != "SetPower"] == ["Start", "Stop", "Wait"]
    assert len([line for line in lines if line.action == "SetPower"]) == POWERS
    assert [line.at for line in lines] == sorted(line.at for line in lines), "the oldest first"


def test_a_power_is_told_where_its_units_reason_changed_and_not_again() -> None:
    mine = placing()
    for minute, reasons in enumerate((("a", "a"), ("a", "b"), ("a", "b"), ("a", "a"))):
        decide(mine, minute, *(power(unit, reason) for unit, reason in enumerate(reasons)))
    assert [(line.subject, line.reason, line.at.minute) for line in mine.lines] == [
        ("u0 ≥ 500 W", "a", 0),
        ("u1 ≥ 500 W", "a", 0),
        ("u1 ≥ 500 W", "b", 1),
        ("u1 ≥ 500 W", "a", 3),
    ]


def test_what_is_remembered_is_bounded() -> None:
    mine = placing()
    for minute in range(LINES):
        starts = [Start(InstanceId(f"t.{minute}"), NodeId("n"), "why not")] * 2
        decide(mine, minute, *starts, *(power(unit, f"{minute}") for unit in range(10)))
    assert len(mine.lines) == LINES
    assert len(mine._power_reasons) == 10
