"""Given tasks whose energy is counted, when they end badly or a new life begins, then nothing is kept or lost."""

from __future__ import annotations

import pytest

from ondol.control.estimates import KEY, Estimator
from ondol.control.foretelling import J_PER_KWH
from ondol.control.grids import Grids
from ondol.model.ids import TaskId
from ondol.model.view import ServiceClass
from scenario.control.groups_stage import ACCOUNT
from scenario.control.test_quotes_of_work import QuoteStage, stage


def running(here: QuoteStage) -> TaskId:
    """Submit a long task and let windows of it be written."""
    task = here.asked(1, service=ServiceClass.ON_DEMAND, expected_s=7200.0)
    here._cpu_s[task.id] = 3600.0
    here.desk.submit([task])
    here.run(300)
    return task.id


def test_of_a_cancelled_task_nothing_is_remembered() -> None:
    here = stage()
    task_id = running(here)
    assert here.estimator.foreteller.so_far(task_id) is not None
    here.desk.abort(ACCOUNT, task_id)
    here.run(300)  # the last window is written after its end
    holders = (vars(here.estimator), vars(here.estimator.foreteller))
    assert [name for held in holders for name, one in held.items() if isinstance(one, dict) and task_id in one] == []


def test_energy_goes_on_where_an_earlier_life_left_it() -> None:
    here = stage()
    task_id = running(here)
    here.estimator.documents()
    here.run(300)  # nothing but windows
    before = here.estimator.foreteller.so_far(task_id)
    again = Estimator(
        here._fleet, Grids(here._fleet), now=here.clock.now, view=lambda: here.loop.view,
        basis=here.desk.ground.basis, clock_rate=here.clock.rate, kept=here.estimator.documents()[KEY],
    )  # fmt: skip
    row = list(here.store.energy(task_id=task_id))[-1]
    again.booked([row])
    pue = {site.id: site.pue for site in here._fleet.sites}[row.site_id]
    after = again.foreteller.so_far(task_id)
    assert before is not None and after is not None  # noqa: PT018
    assert before[0] > 0.0
    assert after[0] == pytest.approx(before[0] + row.energy_j * pue / J_PER_KWH)
