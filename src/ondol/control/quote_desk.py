"""Puts the desk of quotes together, with an estimator that knows nothing yet where none is given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from ondol.control.budget_guard import BudgetGuard
from ondol.control.carbon_ground import CarbonGround
from ondol.control.charges import now_and_then, tariff_in
from ondol.control.estimates import Estimator
from ondol.control.grids import Grids
from ondol.control.quote_book import QuoteBook
from ondol.control.quotes import Quoter
from ondol.control.works import Works
from ondol.model.compute import Task
from ondol.model.fleet import Fleet
from ondol.model.view import View
from ondol.storage.ports import Store


def quote_book(
    fleet: Fleet,
    store: Store,
    works: Works,
    *,
    ground: CarbonGround,
    check: Callable[[Task], None],
    now: Callable[[], dt.datetime],
    estimator: Estimator | None = None,
    view: Callable[[], View | None] = lambda: None,
    guard: BudgetGuard | None = None,
    as_run: Callable[[Task], Task] = lambda task: task,
) -> QuoteBook:
    """Give the book of a platform.

    Parameters
    ----------
    check : raises what is wrong with a task, budgets left out
    as_run : gives a task in the service class in which it would run
    now : platform time
    view : the last that was decided on, for an estimator that is made here
    guard : holds work to its budgets
    """
    if estimator is None:
        estimator = Estimator(
            fleet,
            Grids(fleet),
            now=now,
            view=view,
            basis=ground.basis,
            embodied_g_per_h=ground.embodied_g_per_h_at(now()),
        )
    slots = sum(node.slots for node in fleet.nodes)
    tariff = now_and_then(lambda: tariff_in(store))
    quoter = Quoter(
        estimator,
        price=lambda scheduling, service: tariff().price(scheduling, service),
        cores=sum(node.slots * node.cores_per_slot for node in fleet.nodes) / max(slots, 1),
        guard=guard,
        now=now,
    )
    return QuoteBook(store, works, fleet, estimator=estimator, quoter=quoter, check=check, now=now, as_run=as_run)
