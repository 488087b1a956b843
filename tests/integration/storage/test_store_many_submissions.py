"""Given budgets of three levels in any store, when many submit while they change, then exactly what fits is in."""

from __future__ import annotations

import threading

import pytest

from ondol.model.account import AccountLimits
from ondol.model.budget import Act, Amount, BudgetRow, Holder, Level
from ondol.model.compute import Task
from ondol.model.errors import BudgetExceededError
from ondol.model.ids import TaskId
from ondol.storage.ports import Store
from scenario.control.budget_said import Said
from scenario.control.budget_stage import MINE, PROJECT, BudgetStage
from scenario.control.groups_stage import ACCOUNT

THREADS, EACH = 20, 10
LAB = Holder(level=Level.ORGANIZATION, organization="lab")


class StoredStage(BudgetStage):
    """A stage whose state lies in a given store."""

    def __init__(self, store: Store) -> None:
        self._given = store
        super().__init__(Said(energy_kwh=1.0, co2e_g=60.0))

    def _live(self) -> None:
        if self.store is not self._given:
            self.store = self._given  # type: ignore[assignment]
        super()._live()


@pytest.fixture
def stage(store: Store) -> StoredStage:
    return StoredStage(store)


def tasks(stage: StoredStage, thread: int) -> list[Task]:
    at = stage.clock.now()
    return [
        Task(
            id=TaskId(f"many-{thread:02}-{n:02}"),
            account_id=ACCOUNT,
            name="t",
            created_at=at,
            modified_at=at,
            state_since=at,
            constants={"CMD": "true"},
            profile="process",
            project_id=PROJECT,
        )
        for n in range(EACH)
    ]


def test_two_hundred_at_once_under_three_levels_of_both_kinds(stage: StoredStage) -> None:
    """Given room for 40, then for 43 as the operator and a bonus give more meanwhile, then 43 are in, and all agree."""
    stage.store.set_terms(ACCOUNT, organization="lab", limits=AccountLimits())
    stage.budget("lab", holder=LAB, co2e_g=40 * 60.0, energy_kwh=None)
    stage.budget("project", holder=Holder(level=Level.PROJECT, project_id=PROJECT), energy_kwh=45.5, co2e_g=9e6)
    stage.budget("mine", holder=MINE, co2e_g=50 * 60.0, energy_kwh=60.0)
    taken: list[TaskId] = []
    refused: list[str] = []
    ready = threading.Barrier(THREADS + 2)

    def submit(number: int) -> None:
        own = tasks(stage, number)
        ready.wait(30)
        for task in own:
            try:
                stage.desk.submit([task])
                taken.append(task.id)
            except BudgetExceededError as error:
                refused.append(str(error))

    def raised() -> None:
        ready.wait(30)
        stage.budget("lab", holder=LAB, co2e_g=42 * 60.0, energy_kwh=None)

    def credited() -> None:
        """What settling a flex task of an earlier day gives back."""
        ready.wait(30)
        with stage.works.lock:
            stage.guard.look(stage.clock.now())
            period = stage.guard.book.last_opened("lab")
            assert period is not None
            stage.guard.note(
                BudgetRow(
                    budget_id="lab",
                    period_start=period.period_start,
                    at=stage.clock.now(),
                    act=Act.BONUS,
                    spent=Amount.of(-60.0, 0.0),
                    account_id=ACCOUNT,
                    task_id=TaskId("earlier"),
                )
            )

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(THREADS)]
    threads += [threading.Thread(target=raised), threading.Thread(target=credited)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(taken) + len(refused) == THREADS * EACH
    assert 40 <= len(taken) <= 43
    assert all("budget lab (organization) has" in words for words in refused)
    for task in tasks(stage, THREADS):  # what came too early for what was given is asked for again
        try:
            stage.desk.submit([task])
            taken.append(task.id)
        except BudgetExceededError:
            break
    assert len(taken) == 43
    with stage.works.lock:
        stage.loop.flush()
    for name, left in (("lab", Amount(0, -43 * 10**9)), ("project", None), ("mine", None)):
        balance = stage.balance(name)
        assert balance.reserved == Amount.of(43 * 60.0, 43.0)
        assert left is None or balance.left == left, "what is not limited counts all the same"
    assert {task.id for task in stage.store.tasks(ACCOUNT, limit=500).rows} == set(taken)
    assert {tab.task_id for tab in stage.store.budget_tabs()} == set(taken)
    stage.restart()
    assert stage.guard.book.mended == ()
    assert stage.balance("project").left.energy_kwh == 2.5
