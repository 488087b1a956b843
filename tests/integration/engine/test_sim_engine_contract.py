"""The simulated engine, held to the same contract as the real ones, under a clock that the test turns."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import pytest

from ondol.engine.ports import LaunchOrder
from ondol.engine.sim.attempt import Script
from ondol.engine.sim.engine import SimEngine

_spec = importlib.util.spec_from_file_location("engine_contract", Path(__file__).with_name("contract.py"))
assert _spec is not None
assert _spec.loader is not None
contract = importlib.util.module_from_spec(_spec)
sys.modules["engine_contract"] = contract
_spec.loader.exec_module(contract)

SCRIPTS = {
    "ok": Script(stdout=b"out\n", stderr=b"err\n"),
    "fails": Script(exit_code=7),
    "signalled": Script(exit_code=139),
    "nothing": Script(launch_error="Program not found: no-such-program"),
    "once": Script(stdout=b"started\n"),
    "held": Script(stdout=b"prepared\n"),
    "not-held": Script(exit_code=7),
    "stubborn": Script(term_delay_s=math.inf),
}
SHORT = ("ok", "fails", "signalled", "once", "held", "not-held")


class Clock:
    now_s = 0.0

    def read(self) -> float:
        return self.now_s

    def leap(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def bench(tmp_path: Path) -> object:
    def work_s(order: LaunchOrder) -> float:
        return 0.05 if order.attempt_id in SHORT else math.inf

    clock = Clock()
    engine = SimEngine(clock.read, work_s, lambda order: SCRIPTS.get(order.attempt_id, Script()))
    return contract.Bench(engine, tmp_path, pass_time=clock.leap, now=clock.read)


class TestSimEngine(contract.EngineContract):
    """The contract; a scripted job needs no time to set its signals."""

    def wait_up(self, bench, attempt) -> None:
        return
