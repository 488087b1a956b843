"""Given a kill -9, a full or a silent database about an acceptance, then task and reservation are there, or neither."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ondol.model.budget import NOTHING
from ondol.model.errors import OutcomeUnknownError, UnavailableError
from ondol.storage.ports import Changes
from scenario.control import budget_life
from scenario.control.budget_life import ACCOUNT, NOW, Life


@pytest.mark.parametrize(("point", "there"), [("before", 1), ("after", 2)])
def test_a_task_and_its_reservation_are_both_there_or_neither(tmp_path: Path, point: str, there: int) -> None:
    """Given a kill right before or after the commit of a second task, when it starts again, then both agree."""
    tests = Path(__file__).parents[2]
    command = [sys.executable, str(budget_life.__file__), str(tmp_path), point]
    path = os.pathsep.join([str(tests), *sys.path])
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PYTHONPATH": path}
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr[-2000:]

    life = Life(tmp_path)
    tasks = {task.id for task in life.store.tasks(ACCOUNT).rows}
    assert len(tasks) == there
    assert set(life.guard.book.tabs) == tasks
    (balance,) = life.store.budget_balances()
    assert balance.reserved.energy_kwh == there * 1.0
    assert balance.granted.energy_kwh == 10.0
    assert life.guard.book.mended == ()
    life.submit(3)
    assert life.guard.book.balance("b", balance.period_start).left.energy_kwh == 10.0 - there - 1.0
    life.store.close()


def test_what_could_not_be_written_is_promised_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(tmp_path)
    life.submit(1)

    def full(_changes: Changes) -> None:
        raise UnavailableError("the disk is full")

    monkeypatch.setattr(life.store, "commit", full)
    reserved = life.guard.reserve([budget_life.make_task(2)], NOW)
    with pytest.raises(UnavailableError):
        life.works.admit([budget_life.make_task(2)], NOW)
    life.guard.undo(reserved)
    (balance,) = life.store.budget_balances()
    assert life.guard.book.balance("b", balance.period_start) == balance
    assert set(life.guard.book.tabs) == {"task-1"}
    life.store.close()


@pytest.mark.parametrize("stored", [True, False])
def test_an_acceptance_of_unknown_outcome_counts_once_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    """Given a database that falls silent in the commit, when it speaks again, then both are there, or neither."""
    life = Life(tmp_path)
    life.submit(1)
    commit = life.store.commit

    def silent(changes: Changes) -> None:
        if stored:
            commit(changes)
        raise OutcomeUnknownError("the database fell silent")

    with monkeypatch.context() as broken:
        broken.setattr(life.store, "commit", silent)
        promised = budget_life.Reservations(life.guard)
        task = budget_life.make_task(2)
        promised.add([task], NOW)
        with pytest.raises(OutcomeUnknownError):
            life.works.admit([task], NOW, (), promised.changes, promised.confirm)
        promised.undo()
    monkeypatch.setattr(life.store, "took_place", lambda _changes: stored)
    life.submit(3)
    (balance,) = life.store.budget_balances()
    assert balance.reserved.energy_kwh == (3.0 if stored else 2.0)
    assert life.guard.book.balance("b", balance.period_start) == balance
    assert set(life.guard.book.tabs) == {task.id for task in life.store.tasks(ACCOUNT).rows}
    assert balance.spent == NOTHING
    life.store.close()
