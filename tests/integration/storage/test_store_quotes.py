"""Given any store, when quotes are kept, then they come back equal, in order, and only as long as they matter."""

from __future__ import annotations

import dataclasses
import datetime as dt

from integration.storage.samples import ALICE, NOON
from ondol.model.estimate import Estimate
from ondol.model.ids import AccountId, TaskId
from ondol.model.quote import BudgetLeft, Option, Outcome, Quote
from ondol.model.view import ServiceClass
from ondol.storage.ports import Store

HOUR = dt.timedelta(hours=1)
ESTIMATE = Estimate(
    start_p50=NOON, start_p90=NOON + HOUR, end_p50=NOON + HOUR, end_p90=NOON + 2 * HOUR, energy_p50_kwh=1 / 3,
    energy_p90_kwh=0.5, co2e_p50_g=20.1, co2e_p90_g=30.3, heat_kwh=None, basis="lca_levelled", grounds="3 own runs",
)  # fmt: skip
LEFT = BudgetLeft(budget_id="b", name="b (account)", co2e_g=-1.5, energy_kwh=None, fits=False, renews_at=NOON + HOUR)


def quote(number: int, account: AccountId = ALICE) -> Quote:
    return Quote(
        id=f"quote-{number:03}",
        account_id=account,
        task_name="render",
        body='{"name": "render"}',
        digest="d",
        made_at=NOON + number * HOUR,
        valid_until=NOON + number * HOUR + dt.timedelta(minutes=10),
        options=(
            Option(name="now", service=ServiceClass.ON_DEMAND, instances=2, estimate=ESTIMATE, co2e_low_g=1.25,
                   price_eur=0.1, budgets=(LEFT,), why="slots are free", recommended=True),
            Option(name="smaller", service=ServiceClass.FLEX, instances=1, deadline=NOON, feasible=False, why_not="no"),
        ),
    )  # fmt: skip


def test_quotes_come_back_equal_latest_first(store: Store) -> None:
    mine = [quote(number) for number in range(3)]
    theirs = quote(9, AccountId("bob"))
    store.put_quotes([*mine, theirs])
    assert store.quote(mine[1].id) == mine[1]
    assert store.quote("other") is None
    assert store.quotes(ALICE) == tuple(reversed(mine))
    assert store.quotes(limit=2) == (theirs, mine[2])


def test_what_a_task_came_of_is_found_by_it_and_settled_once(store: Store) -> None:
    task_id = TaskId("task-1")
    taken = dataclasses.replace(quote(1), accepted="now", accepted_at=NOON, task_id=task_id)
    store.put_quotes([quote(1), quote(2)])
    assert store.quote_of_task(TaskId("")) is None
    store.put_quotes([taken])
    assert store.quote_of_task(task_id) == taken
    assert store.unsettled_quotes() == (taken,)
    assert store.quotes(ALICE, taken=True) == (taken,)
    over = dataclasses.replace(
        taken, outcome=Outcome(state="Success", start=NOON, end=NOON + HOUR, energy_kwh=0.25, co2e_g=13.7)
    )
    store.put_quotes([over])
    assert store.unsettled_quotes() == ()
    assert store.quote(over.id) == over


def test_only_quotes_that_nobody_took_are_forgotten(store: Store) -> None:
    taken = dataclasses.replace(quote(0), accepted="now", accepted_at=NOON, task_id=TaskId("task-1"))
    store.put_quotes([taken, quote(1), quote(5)])
    assert store.forget_quotes(NOON + 4 * HOUR) == 1
    assert store.quotes(ALICE) == (quote(5), taken)
