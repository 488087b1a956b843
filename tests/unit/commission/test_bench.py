"""A trial's bench when devices fail: what one of them does keeps no other from being put back."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.agent.commission.bench import DriverBench, opened
from ondol.agent.commission.trial import Trial, TrialPlan
from ondol.drivers.ports import Written
from ondol.model.errors import InvalidFieldError
from ondol.model.points import PointKey
from unit.agent_process.test_site_faults import FLEET, T0, Desk

TIMEOUT = TimeoutError("no answer")
CAP, BACKUP = "boiler.power_cap", "tank.backup"


class Failing(Desk):
    """Raises for some points, from some time on, whatever its error is."""

    def __init__(self, name: str, error: Exception) -> None:
        super().__init__(name)
        self.error, self.refused = error, set[str]()

    def write(self, key: PointKey, value: float) -> Written:
        if str(key) in self.refused:
            raise self.error
        return super().write(key, value)

    def close(self) -> None:
        super().close()
        raise self.error


@pytest.mark.parametrize("error", [TIMEOUT, InvalidFieldError("x", 1, "y")])
def test_a_point_that_cannot_be_put_back_holds_up_no_other(error: Exception) -> None:
    """Given a trial with the tank's other heater, whose contact then fails, when it ends, then the cap is put back."""
    desks = [Failing("desk", error), Failing("other", error)]
    desks[0].said = {"tank.temperature": 40.0, "room.temperature": 19.0, BACKUP: 0.0, CAP: 500.0}
    clock = [T0]

    def leap(left_s: float) -> None:
        clock[0] += dt.timedelta(seconds=left_s)
        for desk in desks:
            desk.now = clock[0]
        if (BACKUP, 1.0) in desks[0].written:
            desks[0].refused = {BACKUP}

    bench = DriverBench(FLEET, desks, now=lambda: clock[0], sleep=leap)
    plan = TrialPlan(sample_s=60.0, quiet_s=120.0, step_s=120.0, rest_s=120.0, backups=True)
    with opened(desks):
        recording = Trial(bench, FLEET, plan).run()
    assert desks[0].last(CAP) == 500.0, "as it was before"
    assert PointKey("tank", "backup") in recording.refused
    assert all(desk.closed for desk in desks)
