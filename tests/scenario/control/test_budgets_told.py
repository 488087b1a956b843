"""Given budgets that fill up, when thresholds pass, work is refused or stopped, then alarms say so until it is over."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.control.directory import Directory
from ondol.model.alarm import NO_SITE, Severity
from ondol.model.budget import Act, Overrun
from ondol.model.errors import BudgetExceededError, NotFoundError, UnavailableError
from ondol.storage.tokens import Keyring
from scenario.control.budget_said import Said
from scenario.control.budget_stage import MINE, BudgetStage
from scenario.control.groups_stage import ACCOUNT

HOUR_S = 3600.0


def full(stage: BudgetStage, percent: float = 100.0) -> None:
    """Let time pass until so much of budget "b" is used."""
    stage.until(lambda: stage.balance().spent.energy_uwh * 100 >= percent * stage.balance().total.energy_uwh)
    stage.run(60)


def test_use_is_told_at_eighty_and_a_hundred_percent_until_the_next_period_begins() -> None:
    """Given midnight in Denver within the hour, when a budget fills up and begins anew, then its alarms are over."""
    stage = BudgetStage(Said(energy_kwh=0.01), begin=dt.datetime(2026, 1, 12, 6, 43, tzinfo=dt.UTC))
    stage.budget(energy_kwh=0.1, timezone="America/Denver", overrun=Overrun.BLOCK_NEW)
    stage.submit(cpu_s=1e6)
    full(stage, 80)
    assert stage.alarms() == ["budget-used-80"]
    full(stage)
    assert stage.alarms() == ["budget-used-100"], "the higher one takes the place of the lower"
    (alarm,) = stage.store.alarms(NO_SITE, active=True)
    assert alarm.severity is Severity.FAULT
    assert "begins anew at 2026-01-12 07:00 UTC" in alarm.text
    stage.restart()
    stage.run(60)
    assert stage.store.alarms(NO_SITE, active=True) == (alarm,), "after a kill it is the same one"
    stage.until(lambda: stage.clock.now().hour == 7, HOUR_S)
    stage.run(60)
    assert stage.alarms() == []
    assert stage.alarms(active=False) == ["budget-used-100", "budget-used-80"]
    full(stage, 80)
    assert stage.alarms() == ["budget-used-80"], "in the new period it is told anew"


def test_more_from_the_operator_ends_an_alarm_and_the_threshold_is_told_of_again() -> None:
    stage = BudgetStage(Said(energy_kwh=0.01))
    stage.budget(energy_kwh=0.03, overrun=Overrun.ALERT_ONLY)
    stage.submit(cpu_s=1e6)
    full(stage)
    assert [one.severity for one in stage.store.alarms(NO_SITE, active=True)] == [Severity.WARNING], "it only alerts"
    stage.budget(energy_kwh=0.1, overrun=Overrun.ALERT_ONLY)
    stage.run(60)
    assert stage.alarms() == []
    assert stage.balance().warned_percent == 0
    full(stage, 80)
    assert stage.alarms() == ["budget-used-80"]
    assert [row.warned_percent for row in stage.rows(act=Act.ALERT)][-1] == 80


def test_thresholds_are_those_that_were_set() -> None:
    stage = BudgetStage(Said(energy_kwh=0.01))
    stage.budget(energy_kwh=0.12, overrun=Overrun.ALERT_ONLY, alerts_percent=(30, 120))
    stage.submit(cpu_s=1e6)
    full(stage, 110)
    assert stage.alarms() == ["budget-used-30"]
    full(stage, 125)
    assert stage.alarms() == ["budget-used-120"]


def test_a_refusal_is_told_until_what_was_refused_would_fit() -> None:
    """Given a task that holds nearly all of a budget, when another is refused and the first ends, then it is over."""
    stage = BudgetStage(Said(energy_kwh=6.0))
    stage.budget(energy_kwh=10.0)
    first = stage.submit(cpu_s=1e6)
    with pytest.raises(BudgetExceededError):
        stage.submit()
    stage.run(60)
    assert stage.alarms() == ["budget-refuses"]
    stage.desk.abort(ACCOUNT, first.id)
    stage.run(180)
    assert stage.alarms() == []
    stage.submit()


def test_stopped_work_is_told_until_it_goes_on() -> None:
    stage = BudgetStage(Said(energy_kwh=0.01))
    stage.budget(energy_kwh=0.02, overrun=Overrun.STOP_AND_BLOCK_ALL)
    task = stage.submit(cpu_s=1e6, resumable=True)
    stage.until(lambda: bool(stage.held(task)))
    stage.run(120)
    assert stage.alarms() == ["budget-stops", "budget-used-100"]
    stage.store.put_budget(dataclasses.replace(stage.store.use_budgets()[0], energy_kwh=50.0))
    stage.guard.forget()
    stage.run(120)
    assert stage.alarms() == []


def test_an_alarm_that_storage_did_not_take_is_raised_by_the_next_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = BudgetStage(Said(energy_kwh=6.0))
    stage.budget(energy_kwh=10.0)
    stage.submit(cpu_s=1e6)
    with monkeypatch.context() as broken:

        def silent(_alarms: object) -> None:
            raise UnavailableError("the disk is full")

        broken.setattr(stage.store, "put_alarms", silent)
        with pytest.raises(BudgetExceededError):
            stage.submit()
        stage.holds.tick(stage.clock.now())
        assert stage.alarms() == []
    stage.holds.tick(stage.clock.now())
    assert stage.alarms() == ["budget-refuses"]


def test_everyone_sees_and_acknowledges_the_alarms_of_their_own_budgets_only() -> None:
    """Given a budget of one account that refuses, then its holder and the operator see it, and no list of sites."""
    stage = BudgetStage(Said(energy_kwh=6.0))
    stage.budget(energy_kwh=1.0, holder=MINE)
    with pytest.raises(BudgetExceededError):
        stage.submit()
    stage.run(60)
    directory = Directory(stage.store, Keyring(stage.folder / "key"))
    mine, alice, boss = stage.store.account(ACCOUNT), *map(directory.account_of_token, (stage.alice, stage.boss))
    assert mine is not None
    assert alice is not None
    assert boss is not None
    (alarm,) = stage.desk.budgets.alarms(mine, "b")
    assert stage.desk.budgets.one(mine, "b").alarms == (alarm,)
    assert stage.desk.budgets.alarms(boss, "b") == (alarm,)
    for stranger in (
        lambda: stage.desk.budgets.alarms(alice, "b"),
        lambda: stage.desk.budgets.ack(alice, "b", alarm.id),
    ):
        with pytest.raises(NotFoundError):
            stranger()
    assert stage.desk.budgets.of(alice) == ()
    assert stage.desk.hosts.alarms(alice, site_id=None, active=None, limit=100) == ()
    assert stage.desk.budgets.ack(mine, "b", alarm.id).acknowledged_by == mine.email
    with pytest.raises(NotFoundError):
        stage.desk.hosts.ack(boss, alarm.id)
