"""Given budgets above work, when it is submitted, runs and ends, then every gram is promised, charged, given back."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.model.budget import NOTHING, Act, Holder, Level, Overrun
from ondol.model.compute import AttemptState, TaskState
from ondol.model.errors import BudgetExceededError, UnavailableError
from ondol.model.ids import TaskId
from ondol.model.view import ServiceClass
from scenario.control.budget_said import Said
from scenario.control.budget_stage import PROJECT, BudgetStage
from scenario.control.groups_stage import ACCOUNT

HOUR_S = 3600.0


def test_a_task_is_reserved_charged_window_by_window_and_settled() -> None:
    """Given 10 kWh, when a task of 1 kWh at most runs to its end, then what the ledger says is gone, and no more."""
    stage = BudgetStage()
    stage.budget()
    task = stage.submit(cpu_s=3.0)
    assert stage.balance().reserved.energy_kwh == 1.0
    stage.until(lambda: stage.stored(task).state is TaskState.SUCCESS)
    stage.run(120)

    balance = stage.balance()
    assert balance.reserved == NOTHING
    assert balance.spent.energy_kwh == pytest.approx(stage.drawn_kwh(task), rel=1e-6)
    assert 0 < balance.spent.energy_kwh < 1.0
    acts = [row.act for row in stage.rows()]
    assert acts[:2] == [Act.RENEW, Act.RESERVE]
    assert acts[-1] is Act.REFUND
    assert acts.count(Act.CHARGE) > 3
    assert all(row.task_id == task.id for row in stage.rows() if row.act is not Act.RENEW)
    assert stage.settled()


def test_what_does_not_fit_is_refused_and_says_by_which_budget_and_when_it_begins_anew() -> None:
    stage = BudgetStage(Said(energy_kwh=6.0))
    stage.said.cheaper[ServiceClass.HARVEST] = (3.0, 10.0)
    stage.budget("wide", holder=Holder(level=Level.PROJECT, project_id=PROJECT), energy_kwh=100.0)
    stage.budget("mine", energy_kwh=10.0)
    stage.submit(project_id=PROJECT)
    with pytest.raises(BudgetExceededError) as refused:
        stage.submit(project_id=PROJECT)
    words = str(refused.value)
    assert "mine (account) has 4 of 10 kWh left, 6 asked" in words
    assert "begins anew at 2026-01-12 23:00 UTC" in words, "midnight in Paris"
    assert "As harvest work it would fit" in words
    assert "/quotes/v1" in words
    assert stage.balance("wide").reserved.energy_kwh == 6.0, "what was refused holds nothing anywhere"
    stage.submit(project_id=PROJECT, service=ServiceClass.HARVEST)


def test_every_level_counts() -> None:
    """Given a member's budget in a project, when it is full, then the same account works on outside of the project."""
    stage = BudgetStage()
    stage.budget("member", holder=Holder(level=Level.MEMBER, project_id=PROJECT, account_id=ACCOUNT), energy_kwh=1.0)
    stage.submit(project_id=PROJECT)
    with pytest.raises(BudgetExceededError, match="member"):
        stage.submit(project_id=PROJECT)
    stage.submit()
    assert stage.balance("member").reserved.energy_kwh == 1.0


@pytest.mark.parametrize("overrun", [Overrun.BLOCK_NEW, Overrun.STOP_AND_BLOCK_ALL])
def test_a_budget_of_zero_refuses_everything_even_what_seems_to_need_nothing(overrun: Overrun) -> None:
    stage = BudgetStage(Said(energy_kwh=0.0, co2e_g=0.0))
    stage.budget(energy_kwh=0.0, overrun=overrun)
    with pytest.raises(BudgetExceededError, match="0 of 0 kWh left"):
        stage.submit()


def test_a_budget_that_only_alerts_takes_everything_and_marks_it() -> None:
    stage = BudgetStage(Said(energy_kwh=3.0))
    stage.budget(energy_kwh=0.01, overrun=Overrun.ALERT_ONLY)
    task = stage.submit(cpu_s=3.0)
    assert "accepted all the same" in stage.rows(act=Act.RESERVE)[0].note
    stage.until(lambda: stage.stored(task).state is TaskState.SUCCESS)
    stage.run(120)
    alerts = stage.rows(act=Act.ALERT)
    assert [row.warned_percent for row in alerts] in ([80, 20], [100]), "80 %, then 100 %, each once"
    assert stage.balance().warned_percent == 100


def test_what_no_store_could_count_is_refused_even_where_a_budget_only_alerts() -> None:
    """Given tasks of 1e9 kWh, as absurd run times make them, then four are promised theirs and others go on."""
    stage = BudgetStage(Said(energy_kwh=1e9))
    stage.budget(overrun=Overrun.ALERT_ONLY)
    for _ in range(4):
        stage.submit(cpu_s=1e6)
    for _ in range(10):
        with pytest.raises(BudgetExceededError, match=r"cannot count 1e\+09 kWh .* more"):
            stage.submit()
    stage.said.energy_kwh = 1.0
    stage.submit()
    assert stage.balance().reserved.energy_uwh < 2**63


def test_a_cancelled_task_pays_for_what_it_used_and_one_that_never_ran_for_nothing() -> None:
    stage = BudgetStage()
    stage.budget()
    runs = stage.submit(cpu_s=1e6)
    stage.run(600)
    waits = stage.submit(service=ServiceClass.ON_DEMAND, instances=500, cpu_s=1.0)
    stage.desk.abort(ACCOUNT, waits.id)
    stage.desk.abort(ACCOUNT, runs.id)
    stage.run(300)
    balance = stage.balance()
    assert balance.reserved == NOTHING
    assert balance.spent.energy_kwh == pytest.approx(stage.drawn_kwh(runs, waits), rel=1e-6)
    assert stage.settled()


def test_a_deleted_task_is_settled_all_the_same() -> None:
    stage = BudgetStage()
    stage.budget()
    task = stage.submit(cpu_s=1e6)
    stage.run(600)
    stage.desk.delete(ACCOUNT, task.id)
    stage.run(300)
    assert stage.store.task(task.id) is None
    assert stage.balance().reserved == NOTHING
    assert stage.balance().spent.energy_kwh == pytest.approx(stage.drawn_kwh(task), rel=1e-6)
    assert stage.settled()


def test_a_run_away_task_extends_its_reservation_before_others_lose_sight_of_it() -> None:
    """Given a task that needs more than was thought, when it goes on, then what others may ask for shrinks with it."""
    stage = BudgetStage(Said(energy_kwh=0.01))
    stage.budget(energy_kwh=1.0)
    task = stage.submit(cpu_s=1e6)
    stage.run(HOUR_S / 2)
    assert stage.rows(act=Act.EXTEND)
    assert stage.balance().spent.energy_kwh == pytest.approx(stage.drawn_kwh(task), rel=1e-6)
    assert stage.balance().left.energy_kwh <= 1.0 - stage.drawn_kwh(task) + 1e-6


def test_a_task_over_midnight_is_charged_to_both_days() -> None:
    """Given a day that ends at midnight in Denver, when a task runs over it, then each day pays for its own part."""
    stage = BudgetStage()
    stage.budget(timezone="America/Denver")
    stage.clock.leap(0.5 * HOUR_S)
    stage.run(60)
    task = stage.submit(cpu_s=1e6)
    stage.run(HOUR_S)
    days = [one for one in stage.store.budget_balances() if one.spent]
    assert len(days) == 2
    midnight = dt.datetime(2026, 1, 12, 7, tzinfo=dt.UTC)
    assert days[1].period_start == midnight
    assert sum(day.spent.energy_kwh for day in days) == pytest.approx(stage.drawn_kwh(task), rel=1e-6)
    assert days[0].reserved == NOTHING, "what is still promised is promised by the new day"
    assert days[1].reserved.energy_kwh == pytest.approx(1.0 - stage.drawn_kwh(task), rel=1e-6)
    assert days[0].spent.energy_uwh == pytest.approx(days[1].spent.energy_uwh, rel=0.2), "half an hour each"


def test_work_of_several_instances_reserves_all_of_them() -> None:
    stage = BudgetStage(Said(energy_kwh=4.0))
    stage.budget(energy_kwh=10.0)
    stage.submit(instances=3)  # what the estimate says is of the whole task
    assert stage.balance().left.energy_kwh == 6.0


def test_filler_work_is_charged_to_the_heat() -> None:
    stage = BudgetStage()
    stage.budget(energy_kwh=0.0)
    task = stage.submit(cpu_s=600.0, service=ServiceClass.FILLER)
    stage.run(HOUR_S / 2)
    assert not stage.stored(task).held
    assert stage.balance().spent == NOTHING


def test_after_a_kill_everything_is_known_again() -> None:
    stage = BudgetStage()
    stage.budget()
    task = stage.submit(cpu_s=3.0)
    stage.run(120)
    before = stage.balance()
    stage.restart()
    assert stage.guard.book.mended == ()
    assert stage.guard.book.balance("b", before.period_start) == before
    stage.until(lambda: stage.stored(task).state is TaskState.SUCCESS)
    stage.run(180)
    assert stage.balance().reserved == NOTHING
    assert stage.balance().spent.energy_kwh == pytest.approx(stage.drawn_kwh(task), rel=1e-6)


def test_a_balance_that_somebody_changed_is_put_right_from_the_history() -> None:
    stage = BudgetStage()
    stage.budget()
    stage.submit()
    right = stage.balance()
    stage.store.mend_balance(type(right)(budget_id="b", period_start=right.period_start))
    stage.restart()
    assert stage.guard.book.mended == ("b",)
    assert stage.balance() == right


def test_slots_of_a_pool_are_charged_to_its_owner() -> None:
    stage = BudgetStage()
    stage.budget()
    stage.pool(slots=2)
    stage.run(HOUR_S / 2)
    drawn = sum(row.energy_j for row in stage.store.energy() if row.account_id == ACCOUNT) / 3.6e6
    assert 0 < drawn <= stage.balance().spent.energy_kwh


def test_the_operator_changes_a_budget_while_work_runs() -> None:
    stage = BudgetStage(Said(energy_kwh=6.0))
    stage.budget(energy_kwh=10.0)
    stage.submit()
    stage.budget(energy_kwh=20.0)
    stage.submit()
    assert stage.balance().granted.energy_kwh == 20.0
    assert stage.balance().left.energy_kwh == 8.0


def test_a_budget_above_work_that_runs_already_charges_from_then_on() -> None:
    stage = BudgetStage()
    task = stage.submit(cpu_s=1e6)
    stage.run(HOUR_S / 2)
    stage.budget()
    before = stage.drawn_kwh(task)
    stage.run(HOUR_S / 2)
    assert stage.balance().spent.energy_kwh == pytest.approx(stage.drawn_kwh(task) - before, rel=0.05)
    assert all(attempt.state is AttemptState.RUNNING for attempt in stage.attempts(task))


@pytest.mark.parametrize(
    ("service", "at_once", "credited"),
    [
        (ServiceClass.FLEX, 70.0, True),
        (ServiceClass.FLEX, 500.0, True),
        (ServiceClass.ON_DEMAND, 500.0, False),
    ],
)
def test_who_waits_for_a_cleaner_hour_gets_half_of_the_saving_back(
    service: ServiceClass, at_once: float, credited: bool
) -> None:
    """Given a grid that was dirtier at the submission, when flex work runs later, then half the saving comes back."""
    stage = BudgetStage(at_once_g_per_kwh=at_once)
    stage.budget(co2e_g=1000.0)
    task = stage.submit(cpu_s=3.0, service=service, waited_s=2 * HOUR_S)
    stage.until(lambda: stage.stored(task).state is TaskState.SUCCESS)
    stage.run(120)
    charged_g = sum(row.spent.co2e_g for row in stage.rows(act=Act.CHARGE))
    bonus_g = -sum(row.spent.co2e_g for row in stage.rows(act=Act.BONUS))
    kwh = stage.drawn_kwh(task)
    # The basis adds the same to both hours.
    saved_g = kwh * (at_once + 10.0) - charged_g
    assert bonus_g == pytest.approx(min(0.5 * saved_g, charged_g) if credited else 0.0, rel=1e-4)
    assert stage.balance().spent.co2e_g == pytest.approx(charged_g - bonus_g, rel=1e-6)
    told = [row.note for row in stage.rows(act=Act.BONUS)]
    assert all(("less here" in note) == (0.5 * saved_g > charged_g) for note in told), "why it is not half is said"


@pytest.mark.parametrize("off_s", [0.0, 50.0])
def test_work_that_did_not_wait_saves_nothing(off_s: float) -> None:
    """Given a grid that any other minute would have been dirtier, when flex work begins at once, then it gets nothing.

    Also where it is submitted in the midst of a window of the ledger, and stops half a minute before its end.
    """
    stage = BudgetStage(at_once_g_per_kwh=500.0)
    stage.budget(co2e_g=1000.0)
    stage.run(off_s)
    task = stage.submit(cpu_s=3.0, service=ServiceClass.FLEX)
    stage.until(lambda: stage.stored(task).state is TaskState.SUCCESS)
    stage.run(120)
    assert stage.rows(act=Act.CHARGE)
    assert not stage.rows(act=Act.BONUS)


def test_a_budget_that_is_set_while_work_runs_gives_nothing_back_for_the_time_before() -> None:
    """Given flex work that began at once, when a budget is set later, then the time until then was no waiting."""
    stage = BudgetStage(at_once_g_per_kwh=500.0)
    task = stage.submit(cpu_s=4.0, service=ServiceClass.FLEX)
    stage.run(HOUR_S / 4)
    assert stage.stored(task).state is not TaskState.SUCCESS
    stage.budget(co2e_g=1000.0)
    stage.until(lambda: stage.stored(task).state is TaskState.SUCCESS)
    stage.run(120)
    assert stage.rows(act=Act.CHARGE)
    assert not stage.rows(act=Act.BONUS)


def test_an_estimate_that_fails_promises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a fault in the estimate of the second of two tasks, when they are submitted, then nothing is promised."""
    stage = BudgetStage()
    stage.budget()
    task = stage.submit()
    before = stage.balance()
    told, calls = stage.said.estimate, iter([True, False])

    def fails(*asked: object, **how: object) -> object:
        if next(calls):
            return told(*asked, **how)
        raise ZeroDivisionError

    monkeypatch.setattr(stage.said, "estimate", fails)
    tasks = [dataclasses.replace(task, id=TaskId(f"x-{n}")) for n in range(2)]
    with pytest.raises(ZeroDivisionError):
        stage.desk.submit(tasks)
    assert stage.balance() == before
    assert len(stage.guard.book.tabs) == 1


def test_what_could_not_be_charged_is_charged_once_storage_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a store that is silent for a while about one of two tasks, then each window counts once."""
    stage = BudgetStage()
    stage.budget(co2e_g=1000.0)
    task, other = stage.submit(cpu_s=1e6), stage.submit(cpu_s=1e6)
    stage.run(300)
    found, since = stage.guard._charges._tab_of, stage.clock.now()

    def silent(task_id: TaskId, at: dt.datetime) -> object:
        if task_id == task.id:
            raise UnavailableError("the database does not answer")
        return found(task_id, at)

    with monkeypatch.context() as broken:
        broken.setattr(stage.guard._charges, "_tab_of", silent)
        stage.run(300)
        charged = [row.task_id for row in stage.rows(act=Act.CHARGE) if row.at > since]
        assert set(charged) == {other.id}
        stage.desk.abort(ACCOUNT, task.id)
        stage.run(120)
        assert task.id in stage.guard.book.tabs, "what is owed for it is still to come"
    stage.run(120)
    assert task.id not in stage.guard.book.tabs
    assert stage.balance().spent.energy_kwh == pytest.approx(stage.drawn_kwh(task, other), rel=1e-8)
