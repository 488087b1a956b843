"""A rehearsal with budgets: the desk, the intake, the guard and the holds are those of production."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

from ondol.control.account_desk import PlatformAccounts
from ondol.control.budget_alarms import BudgetAlarms
from ondol.control.budget_book import BudgetBook
from ondol.control.budget_guard import BudgetGuard
from ondol.control.budget_hold import BudgetHolds
from ondol.control.carbon_ground import CarbonGround
from ondol.control.charges import Charges, tariff_in
from ondol.control.desk import PlatformDesk
from ondol.control.directory import OPERATOR, Directory
from ondol.control.embodied_use import EmbodiedUse
from ondol.control.file_desk import FileDesk
from ondol.control.grids import Grids
from ondol.control.host_desk import PlatformHosts
from ondol.control.outputs import Outputs
from ondol.control.secret_desk import PlatformSecrets
from ondol.control.snapshots import Snapshots
from ondol.control.transfers import Transfers
from ondol.demo.fleet import demo_fleet
from ondol.model.account import Project
from ondol.model.alarm import NO_SITE
from ondol.model.budget import Act, Balance, BudgetRow, Every, Holder, Level, UseBudget
from ondol.model.compute import Task
from ondol.model.ids import ProjectId, TaskId
from ondol.model.ledger import EnergyRow, Share
from ondol.model.view import ServiceClass
from ondol.storage.tokens import Keyring
from ondol.twin.files import AtOnce
from scenario.control.budget_said import Said, basis_of
from scenario.control.groups_stage import ACCOUNT, BEGIN, Stage

MINE = Holder(level=Level.ACCOUNT, account_id=ACCOUNT)
PROJECT = ProjectId("project-1")


class Uploads:
    """A stager that uploads one file of whatever is snapshot."""

    def bring_out(self, *_what: object, **_how: object) -> list[str]:
        return ["so-far"]


class BudgetStage(Stage):
    """A stage whose work is held to budgets.

    Parameters
    ----------
    said : what estimates say
    at_once_g_per_kwh : intensity of the hours in which work would have run at once; the packaged series where None
    making_g_per_h : embodied carbon of every node [gCO2e/h]
    ground : what budgets and statements both count carbon with; budgets a simple one where None
    """

    def __init__(
        self,
        said: Said | None = None,
        at_once_g_per_kwh: float | None = None,
        making_g_per_h: float = 0.0,
        ground: CarbonGround | None = None,
        **settings: Any,
    ) -> None:
        self.said = said or Said()
        self.at_once_g_per_kwh, self.ground = at_once_g_per_kwh, ground
        self.making_g_per_h = {node.id: making_g_per_h for node in demo_fleet().nodes}
        if ground is not None:
            self.making_g_per_h = dict(ground.embodied_g_per_h)
        self.folder = Path(tempfile.mkdtemp(prefix="ondol-budgets-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        super().__init__(**{"tick_s": 60.0, **settings})
        self.store.put_project(Project(id=PROJECT, name="P", slug="p", members=(ACCOUNT,)))

    def _live(self) -> None:
        super()._live()
        keyring = Keyring(self.folder / "key")
        directory = Directory(self.store, keyring)
        if self.store.account_by_email(OPERATOR) is None:
            _, self.boss = directory.add_account(OPERATOR)
            _, self.alice = directory.add_account("alice@example.org")
        cores = {node.id: float(node.cores_per_slot) for node in self._fleet.nodes}
        self.grids = Grids(self._fleet)
        snapshots = Snapshots(
            self.works, Uploads(), Transfers(pool=AtOnce()), now=self.clock.now, clock_rate=self.clock.rate
        )  # type: ignore[arg-type]
        self.guard = BudgetGuard(
            BudgetBook(self.store, self.clock.now()),
            self.works,
            self._fleet,
            now=self.clock.now,
            basis=basis_of(self._fleet) if self.ground is None else self.ground.basis,
            grid=self._grid_at,
            estimates=self.said,
            embodied_g=EmbodiedUse(self._fleet, self.works, self.making_g_per_h, stored=self.store.attempts).of,
            flush=self.loop.flush,
        )
        hosts = PlatformHosts(self._fleet, self.store, self.clock.now)
        self.alarm_book = hosts.books.alarms
        self.holds = BudgetHolds(self.guard, self.works, snapshots.take, BudgetAlarms(self.guard, self.alarm_book))
        self.loop._book_use, self.loop._hold = self.guard.book_use, self.holds.tick
        charges = Charges(lambda: tariff_in(self.store), cores.__getitem__)
        accounts = PlatformAccounts(
            store=self.store,
            works=self.works,
            charges=charges,
            now=self.clock.now,
            cores_of=cores.__getitem__,
            stored_bytes=lambda _account: {},
            holders_of=self.loop.groups.pools.holders,
        )
        self.desk = PlatformDesk(
            fleet=self._fleet,
            store=self.store,
            directory=directory,
            works=self.works,
            loop=self.loop,
            sites=self._sites,
            outputs=Outputs(self.folder / "outputs", self.engine),
            files=FileDesk(self.works, snapshots, self.hands, directory, flush=self.loop.flush, now=self.clock.now),
            now=self.clock.now,
            clock_rate=self.clock.rate,
            policy="fcfs",
            accounts=accounts,
            secrets=PlatformSecrets(self.store, keyring),
            hands=self.hands,
            hosts=hosts,
            ground=self.ground,
            budgets=self.guard,
        )

    def _grid_at(self, country: str, when_s: float) -> float:
        return self.grids.at(country, when_s) if self.at_once_g_per_kwh is None else self.at_once_g_per_kwh

    def budget(self, name: str = "b", **fields: Any) -> UseBudget:
        """Set a budget, as the operator does on the platform's machine."""
        wanted: dict[str, Any] = {
            "holder": MINE,
            "alias": name,
            "co2e_g": None,
            "energy_kwh": 10.0,
            "every": Every.DAY,
            "timezone": "Europe/Paris",
            "start": BEGIN - dt.timedelta(days=30),
        }
        budget = UseBudget(id=name, **{**wanted, **fields})
        self.store.put_budget(budget)
        self.guard.forget()
        return budget

    def submit(self, cpu_s: float = 1.0, instances: int = 1, waited_s: float = 0.0, **fields: Any) -> Task:
        """Submit a task at the desk, or have one that was submitted a while ago, as where it waited for its turn."""
        at = self.clock.now() - dt.timedelta(seconds=waited_s)
        wanted: dict[str, Any] = {
            "account_id": ACCOUNT,
            "constants": {"CMD": "true"},
            "service": ServiceClass.ON_DEMAND,
            "profile": "process",
        }
        task = Task(
            id=TaskId(f"task-{next(self._numbers):03}"), name="t", created_at=at, modified_at=at,
            state_since=at, instance_numbers=tuple(range(instances)), **{**wanted, **fields},
        )  # fmt: skip
        self._cpu_s[task.id] = cpu_s
        self.desk.submit([task])
        return task

    def rows(self, budget: str = "b", act: Act | None = None) -> list[BudgetRow]:
        """History of a budget as stored."""
        rows = [row for _, row in self.store.budget_rows(budget, limit=10_000)]
        return [row for row in rows if act is None or row.act is act]

    def balance(self, budget: str = "b") -> Balance:
        """Balance of the latest period, as stored; it is the sum of its rows."""
        stored = [one for one in self.store.budget_balances() if one.budget_id == budget][-1]
        assert stored == self.store.budget_sum(budget, stored.period_start)
        assert stored == self.guard.book.balance(budget, stored.period_start)
        return stored

    def drawn_kwh(self, *tasks: Task) -> float:
        """What the ledger says that tasks took, with their part of the overhead of each window."""
        by_window: dict[Any, list[EnergyRow]] = {}
        for row in self.store.energy():
            by_window.setdefault((row.site_id, row.start), []).append(row)
        ids, total_j = {task.id for task in tasks}, 0.0
        for rows in by_window.values():
            overhead_j = sum(row.energy_j for row in rows if row.share is Share.OVERHEAD)
            it_j = sum(row.energy_j for row in rows if row.share is not Share.OVERHEAD)
            own_j = sum(row.energy_j for row in rows if row.task_id in ids)
            total_j += own_j * (1.0 + (overhead_j / it_j if it_j else 0.0))
        return total_j / 3.6e6

    def alarms(self, budget: str = "b", *, active: bool | None = True) -> list[str]:
        """Codes of what is told about a budget now, or was."""
        return sorted(one.code for one in self.store.alarms(NO_SITE, active=active) if one.entity_id == budget)

    def held(self, task: Task) -> str:
        """Why a task stands still, "" where it does not."""
        found = self.stored(task).held
        return "" if found is None else found.reason

    def settled(self) -> bool:
        """Whether nothing is open."""
        return not self.store.budget_tabs()
