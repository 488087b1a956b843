"""Burnt cycles are shown as what they are, and nothing else is called burnt."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.accounting.burnt import burnt_of, burnt_sections
from ondol.accounting.waste import Spent
from ondol.model.filler import BURN_NAME
from ondol.model.ids import AccountId, AttemptId, NodeId, TaskId
from ondol.model.ledger import WorkFact

NOW = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)


def fact(key: str, name: str, service: str = "filler") -> WorkFact:
    return WorkFact(task_id=TaskId(key), account_id=AccountId("op"), name=name, service=service, submitted_at=NOW)


def spent(number: int, task: str, kwh: float) -> Spent:
    return Spent(
        attempt_id=AttemptId(f"{task}-{number}"), task_id=TaskId(task), node_id=NodeId("n"), energy_j=kwh * 3.6e6,
        co2e_g=50.0 * kwh, span_s=3600.0,
    )  # fmt: skip


def test_what_was_burnt_is_summed_by_who_asked_for_it_and_why() -> None:
    """Given two burns that Ana asked for, BOINC and a user's work, then the statement has one line, of Ana's two."""
    words = f"{BURN_NAME}, asked for by Ana, the pool would freeze"
    works = {one.task_id: one for one in (fact("b1", words), fact("b2", words), fact("w", "BOINC for x"))}
    works[TaskId("j")] = fact("j", words, service="flex")  # a name alone makes no filler
    rows = [spent(0, "b1", 1.0), spent(1, "b1", 0.5), spent(0, "b2", 2.0), spent(0, "w", 9.0), spent(0, "j", 9.0)]
    (found,) = burnt_of([*rows, spent(0, "gone", 9.0)], works)
    assert (found.words, found.attempts) == (words, 3)
    assert found.energy_j == pytest.approx(3.5 * 3.6e6)
    (section,) = burnt_sections([found])
    assert section.figures[0].label == "Burnt for heat, asked for by Ana, the pool would freeze"
    assert section.figures[0].value == pytest.approx(3.5)
    assert "charged to the heat" in str(section.figures[0].method)


def test_where_nothing_was_burnt_a_statement_does_not_speak_of_it() -> None:
    assert burnt_sections(burnt_of([spent(0, "w", 1.0)], {TaskId("w"): fact("w", "BOINC for x")})) == ()
