"""Usage under control, put together: what work will take, what it cost, and what accounts have left for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ondol.control.account_desk import PlatformAccounts
from ondol.control.budget_book import BudgetBook
from ondol.control.budget_guard import BudgetGuard
from ondol.control.charges import KEY as CHARGES
from ondol.control.charges import Charges, Spent, now_and_then, tariff_in
from ondol.control.embodied_use import EmbodiedUse
from ondol.control.estimates import KEY as ESTIMATES
from ondol.control.estimates import Estimator

if TYPE_CHECKING:
    from ondol.control.carbon_ground import CarbonGround
    from ondol.control.clock import PlatformClock
    from ondol.control.grids import Grids
    from ondol.control.kept import Kept
    from ondol.control.works import Works
    from ondol.model.compute import Task
    from ondol.model.fleet import Fleet
    from ondol.model.ids import AccountId
    from ondol.model.pool import ComputePool
    from ondol.model.view import View
    from ondol.storage.ports import Store


class UseSide:
    """Charges in money, estimates, budgets and the account desk of one platform; they watch its works.

    Parameters
    ----------
    kept : what an earlier life left
    ground : how carbon is counted
    view : what was last decided on, None before the first tick
    stored_bytes, holders_of : what an account stores, and the tasks that hold the slots of a pool
    flush : writes what changed
    """

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        works: Works,
        kept: Kept,
        *,
        clock: PlatformClock,
        grids: Grids,
        ground: CarbonGround,
        view: Callable[[], View | None],
        stored_bytes: Callable[[AccountId], dict[str, int]],
        holders_of: Callable[[ComputePool], tuple[Task, ...]],
        flush: Callable[[], None],
    ) -> None:
        cores = {node.id: float(node.cores_per_slot) for node in fleet.nodes}
        self.charges = Charges(now_and_then(lambda: tariff_in(store)), cores.__getitem__, kept.document(CHARGES, Spent))
        works.observers.append(self.charges.observe)
        self.estimator = Estimator(
            fleet,
            grids,
            now=clock.now,
            view=view,
            basis=ground.basis,
            embodied_g_per_h=ground.embodied_g_per_h_at(clock.now()),
            clock_rate=clock.rate,
            kept=store.document(ESTIMATES),
        )
        self.estimator.forget_but(work.task.id for work in works)
        works.observers.append(self.estimator.observe)
        self.accounts = PlatformAccounts(
            store=store,
            works=works,
            charges=self.charges,
            now=clock.now,
            cores_of=cores.__getitem__,
            stored_bytes=stored_bytes,
            holders_of=holders_of,
        )
        self.budgets = BudgetGuard(
            BudgetBook(store, clock.now()),
            works,
            fleet,
            now=clock.now,
            basis=ground.basis,
            grid=grids.at,
            estimates=self.estimator,
            bonus_share=fleet.accounting.flexibility_bonus_share,
            embodied_g=EmbodiedUse(
                fleet, works, ground.embodied_g_per_h, ground.book.written_off(), stored=store.attempts
            ).of,
            flush=flush,
        )
