"""Given use that no budget could be charged when its window was written, then it is charged once, whatever follows."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import pytest

from ondol.control.budget_book import BudgetBook
from ondol.control.budget_guard import BudgetGuard
from ondol.control.works import Works
from ondol.model.budget import NOTHING
from ondol.model.errors import UnavailableError
from ondol.model.ids import TaskId
from ondol.model.ledger import EnergyRow, Share
from ondol.storage.ports import Changes
from scenario.control.budget_said import Said, basis_of
from scenario.control.budget_stage import BudgetStage
from scenario.control.groups_stage import ACCOUNT


def nothing_is_charged(stage: BudgetStage, monkeypatch: pytest.MonkeyPatch, of: TaskId | None = None) -> None:
    """From now on, until a restart, of one task or of any."""
    charges = stage.guard._charges
    found = charges._tab_of

    def silent(task_id: TaskId, at: dt.datetime) -> object:
        if of in (None, task_id):
            raise UnavailableError("the database does not answer")
        return found(task_id, at)

    monkeypatch.setattr(charges, "_tab_of", silent)


@pytest.mark.parametrize("broken_part", ["one task", "the whole window"])
def test_what_is_owed_is_charged_once_though_the_platform_dies_meanwhile(
    broken_part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given windows in the ledger that could not be charged, when the platform dies, then the next one charges them."""
    stage = BudgetStage()
    stage.budget(co2e_g=1000.0)
    task, other = stage.submit(cpu_s=1e6), stage.submit(cpu_s=1e6)
    stage.run(300)
    charges, before = stage.guard._charges, stage.balance().spent.energy_kwh

    def fails(_rows: object) -> object:
        raise ZeroDivisionError

    if broken_part == "one task":
        nothing_is_charged(stage, monkeypatch, task.id)
    else:
        monkeypatch.setattr(charges._owed, "_shared_out", fails)
    stage.run(300)
    stage.desk.abort(ACCOUNT, task.id)
    stage.run(120)
    assert stage.balance().spent.energy_kwh < stage.drawn_kwh(task, other) - 0.01
    assert (stage.balance().spent.energy_kwh > before) == (broken_part == "one task")
    # when
    stage.restart()
    stage.run(180)
    # then
    assert stage.balance().spent.energy_kwh == pytest.approx(stage.drawn_kwh(task, other), rel=1e-8)
    assert task.id not in stage.guard.book.tabs
    assert stage.store.document("budgets.owed") == b"[]"


def test_one_window_that_cannot_be_shared_out_holds_up_those_in_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a window that will not be shared out
    stage = BudgetStage()
    stage.budget(energy_kwh=10.0)
    caught = stage.submit(cpu_s=1e6)
    stage.run(300)
    owed = stage.guard._charges._owed
    found, broken = owed._shared_out, []

    def fails(rows: list[EnergyRow]) -> object:
        broken[:] = broken or [rows[0].start]
        if rows and rows[0].start == broken[0]:
            raise ZeroDivisionError
        return found(rows)

    monkeypatch.setattr(owed, "_shared_out", fails)
    stage.run(120)
    # when its task and a later one end
    stage.desk.abort(ACCOUNT, caught.id)
    later = stage.submit(cpu_s=1e6)
    stage.run(120)
    stage.desk.abort(ACCOUNT, later.id)
    stage.run(180)
    # then the later one is settled, and the other waits for its charge
    assert later.id not in stage.guard.book.tabs
    assert caught.id in stage.guard.book.tabs
    monkeypatch.setattr(owed, "_shared_out", found)
    stage.run(120)
    assert caught.id not in stage.guard.book.tabs
    assert stage.balance().spent.energy_kwh == pytest.approx(stage.drawn_kwh(caught, later), rel=1e-8)


def test_what_is_owed_of_a_site_that_was_given_up_is_charged_as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    # given use that could not be charged
    stage = BudgetStage()
    stage.budget(co2e_g=1000.0)
    task = stage.submit(cpu_s=1e6)
    stage.run(300)
    nothing_is_charged(stage, monkeypatch)
    stage.run(120)
    stage.desk.abort(ACCOUNT, task.id)
    stage.run(120)
    owed = [row for row in stage.store.energy(task_id=task.id) if row.share is Share.JOB]
    # when the platform comes back without that site
    gone = owed[0].site_id
    left = next(site.id for site in stage._fleet.sites if site.id != gone)
    fleet = stage._fleet.of_site(left)
    works = Works(stage.store)
    guard = stage.guard = BudgetGuard(
        BudgetBook(stage.store, stage.clock.now()),
        works,
        fleet,
        now=stage.clock.now,
        basis=basis_of(fleet),
        grid=lambda _country, _at: 50.0,
        estimates=Said(),
    )
    other = next(row for row in stage.store.energy() if row.site_id == left)
    at = max(row.end for row in stage.store.energy())
    for minutes in range(3):
        start = at + dt.timedelta(minutes=minutes)
        row = dataclasses.replace(other, start=start, end=start + dt.timedelta(minutes=1))
        stage.store.commit(guard.book_use(Changes(ledger=(row,))))
    # then all of it is charged and the task is settled
    assert task.id not in guard.book.tabs
    assert stage.store.document("budgets.owed") == b"[]"
    assert stage.balance().spent.energy_kwh == pytest.approx(stage.drawn_kwh(task), rel=1e-8)
    assert stage.balance().reserved == NOTHING


@pytest.mark.parametrize("owed", [False, True])
def test_making_of_the_last_window_is_charged_alike_though_the_platform_dies_meanwhile(
    owed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = BudgetStage(making_g_per_h=3600.0)
    stage.budget(co2e_g=1e6)
    stage.run(60)
    stage._tick_s = 5.0
    stage.run(25)
    task = stage.submit(cpu_s=1e6)
    if owed:
        nothing_is_charged(stage, monkeypatch)
    stage.run(310)
    stage.desk.abort(ACCOUNT, task.id)
    stage.run(115)
    stage.restart()
    stage.run(180)
    (attempt,) = stage.store.attempts(task.id)
    assert attempt.ended_at is not None
    held_s = (attempt.ended_at - attempt.created_at).total_seconds()
    node = next(node for node in stage._fleet.nodes if node.id == attempt.node_id)
    ran_g = math.fsum(
        row.energy_j / 3.6e6 * basis_of(stage._fleet).g_per_kwh(row.site_id, row.grid_g_per_kwh)
        for row in stage.store.energy(task_id=task.id)
    )
    assert stage.balance().spent.co2e_g - ran_g == pytest.approx(held_s / node.slots, abs=1.0)
