"""Given work that starts, stops, pauses and passes slots on, then each gram is charged once, or is nobody's."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.control.embodied_use import EmbodiedUse
from ondol.control.works import Works
from ondol.demo.fleet import demo_fleet
from ondol.lifecycle.events import PauseDecided, ResumeDecided, StopDecided
from ondol.lifecycle.work import Change, Work
from ondol.model.account import Account
from ondol.model.budget import NOTHING, Act, Every, Holder, Level, Overrun
from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState, Task, TaskState
from ondol.model.errors import OndolError
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, TaskId
from ondol.model.ledger import EnergyRow, Share, Tier
from ondol.model.view import ServiceClass
from ondol.storage.memory.store import MemoryStore
from scenario.control.budget_said import Said, basis_of
from scenario.control.budget_stage import BudgetStage
from scenario.control.groups_stage import ACCOUNT, BEGIN

OTHER = AccountId("other")
MAKING_G_PER_H = 8.0
FLEET = demo_fleet()
NODE = max(FLEET.nodes, key=lambda node: node.slots)
acts = st.lists(
    st.tuples(
        st.sampled_from(["submit", "submit", "many", "abort", "delete", "pause", "resume", "stop", "restart", "wait"]),
        st.integers(0, 5),
        st.sampled_from([1.0, 7.0, 31.0, 60.0, 90.0, 240.0]),
    ),
    min_size=4,
    max_size=9,
)


class Two(BudgetStage):
    """A stage of two accounts, each under a budget, one of them under a second one of an organisation too."""

    def __init__(self) -> None:
        super().__init__(Said(energy_kwh=0.01, co2e_g=1.0), making_g_per_h=MAKING_G_PER_H, tick_s=15.0)
        self.store.add_account(Account(id=OTHER, email="o@b.c", token_hash="o", token_sealed=b"", created_at=BEGIN))
        self.tasks: list[Task] = []
        for name, account in (("mine", ACCOUNT), ("others", OTHER)):
            self.budget(
                name, holder=Holder(level=Level.ACCOUNT, account_id=account), co2e_g=5.0, energy_kwh=0.5,
                overrun=Overrun.ALERT_ONLY, every=Every.DAY, timezone="America/Denver",
            )  # fmt: skip

    def do(self, act: str, which: int, span_s: float) -> None:
        task = self.tasks[which % len(self.tasks)] if self.tasks else None
        at = self.clock.now()
        if act in ("submit", "many"):
            account = (ACCOUNT, OTHER)[which % 2]
            found = self.submit(
                cpu_s=0.05 * span_s, instances=1 if act == "submit" else 12, account_id=account, resumable=which > 3,
                service=ServiceClass.FILLER if which == 5 else ServiceClass.ON_DEMAND,
            )  # fmt: skip
            self.tasks.append(found)
        elif act == "restart":
            self.restart()
        elif task is not None and act in ("abort", "delete"):
            try:
                getattr(self.desk, act)(task.account_id, task.id)
            except OndolError:
                return  # it is over, or gone
        elif task is not None and (work := self.works.get(task.id)) is not None:
            event = {"pause": PauseDecided, "resume": ResumeDecided, "stop": StopDecided}.get(act)
            for key in work.attempts if event is not None else ():
                attempt = work.latest(key)
                fits = {"pause": AttemptState.RUNNING, "resume": AttemptState.PAUSED}.get(act)
                if attempt is not None and not attempt.state.final and fits in (None, attempt.state):
                    self.works.apply(task.id, event(at=at, instance_id=key, reason="so it is"))
        self.run(span_s)


@settings(max_examples=5, deadline=None)
@given(acts=acts)
def test_what_is_charged_and_what_is_nobodys_are_the_ledger(acts: list[tuple[str, int, float]]) -> None:
    """Given any life of two accounts' work over a midnight, then Σ charges + what is nobody's = Σ rows, to 1e-9."""
    stage = Two()
    stage.clock.leap(3300.0)  # midnight in Denver is in five minutes
    stage.run(15.0)
    for act in acts:
        stage.do(*act)
    for task in stage.tasks:
        if stage.store.task(task.id) is not None and not stage.stored(task).state.final:
            stage.desk.abort(task.account_id, task.id)
    stage.run(300.0)
    assert stage.settled()

    rows = list(stage.store.energy())
    factor = overhead_factors(rows)
    basis = basis_of(stage._fleet)
    whole_kwh = math.fsum(row.energy_j for row in rows) / 3.6e6
    whole_g = math.fsum(row.energy_j / 3.6e6 * basis.g_per_kwh(row.site_id, row.grid_g_per_kwh) for row in rows)
    parts: dict[str, list[float]] = {key: [] for key in ("nobody_kwh", "nobody_g", "mine", "others")}
    for row in rows:
        kwh = row.energy_j * factor.get((row.site_id, row.start), 1.0) / 3.6e6
        if row.share not in (Share.JOB, Share.OVERHEAD):
            parts["nobody_kwh"].append(kwh)
            parts["nobody_g"].append(kwh * basis.g_per_kwh(row.site_id, row.grid_g_per_kwh))
    charged = NOTHING
    for name in ("mine", "others"):
        for row in stage.rows(name, Act.CHARGE):
            charged += row.spent
        balances = [one for one in stage.store.budget_balances() if one.budget_id == name]
        assert all(one == stage.store.budget_sum(name, one.period_start) for one in balances)
        assert all(one.reserved == NOTHING for one in balances)
    made_g, held_g = making(stage, rows)
    slack = 0.5e-6 * (len(stage.tasks) + 1)  # a half microgram, and a half microwatt-hour, a task
    assert charged.energy_kwh + math.fsum(parts["nobody_kwh"]) == pytest.approx(whole_kwh, rel=1e-9, abs=slack * 1e-3)
    nobody_g = math.fsum(parts["nobody_g"]) + made_g - held_g
    assert charged.co2e_g + nobody_g == pytest.approx(whole_g + made_g, rel=1e-9, abs=slack)


def overhead_factors(rows: list[EnergyRow]) -> dict[tuple[str, dt.datetime], float]:
    """By how much a site's electricity in a window is more than that of its nodes."""
    it_j: dict[tuple[str, dt.datetime], float] = defaultdict(float)
    more_j: dict[tuple[str, dt.datetime], float] = defaultdict(float)
    for row in rows:
        (more_j if row.share is Share.OVERHEAD else it_j)[row.site_id, row.start] += row.energy_j
    return {key: 1.0 + more_j[key] / joules for key, joules in it_j.items() if joules > 0}


def making(stage: BudgetStage, rows: list[EnergyRow]) -> tuple[float, float]:
    """Making of all nodes over the ledger's windows, and what of it users' attempts held [g].

    What was held is told by the facts that the ledger keeps of how attempts ended, not by what was charged.
    """
    slots = {node.id: node.slots for node in stage._fleet.nodes}
    spans = {fact.attempt_id: fact for fact in stage.store.attempt_facts(limit=10_000)}
    windows = {(row.node_id, row.start, row.end) for row in rows if row.node_id is not None}
    held_s: dict[tuple[str, dt.datetime, dt.datetime], dict[str, float]] = defaultdict(dict)
    users: set[str] = set()
    for row in rows:
        fact = spans.get(row.attempt_id or "")
        if row.node_id is None or fact is None:
            continue
        begun = fact.ended_at - dt.timedelta(seconds=fact.held_s)
        inside = (min(row.end, fact.ended_at) - max(row.start, begun)).total_seconds()
        held_s[row.node_id, row.start, row.end][fact.attempt_id] = max(0.0, inside)
        if row.share is Share.JOB:
            users.add(fact.attempt_id)
    total = held = 0.0
    for node_id, start, end in windows:
        length_s = (end - start).total_seconds()
        own = held_s[node_id, start, end]
        part = min(1.0, slots[node_id] * length_s / sum(own.values())) if sum(own.values()) else 1.0
        total += MAKING_G_PER_H * length_s / 3600.0
        held += MAKING_G_PER_H / slots[node_id] / 3600.0 * part * sum(s for key, s in own.items() if key in users)
    return total, held


spans = st.lists(
    st.tuples(
        st.integers(-90_000_000, 119_000_000).map(lambda us: us / 1e6),  # as finely as times are kept
        st.integers(1_000, 200_000_000).map(lambda us: us / 1e6),
        st.sampled_from(["known", "known", "unknown", "inside"]),
    ),
    min_size=1,
    max_size=3 * NODE.slots,
)


@given(spans=spans)
def test_a_node_is_never_charged_more_than_it_cost_to_make(spans: list[tuple[float, float, str]]) -> None:
    """Given attempts that say to have held slots at any times, some of which nobody knows, then a node stays a node."""
    works = Works(MemoryStore())
    use = EmbodiedUse(FLEET, works, {NODE.id: MAKING_G_PER_H})
    start, end = BEGIN, BEGIN + dt.timedelta(seconds=120)
    rows, alone_s = [], []
    for number, (from_s, length_s, kind) in enumerate(spans, start=1):
        attempt = Attempt(
            id=AttemptId(f"t.000000.{number:03d}"), instance_id=InstanceId("t/000000"), task_id=TaskId("t"),
            node_id=NodeId(NODE.id), number=number, state=AttemptState.SUCCEEDED,
            created_at=start + dt.timedelta(seconds=from_s), since=start,
            ended_at=start + dt.timedelta(seconds=from_s + length_s),
            held_by=AttemptId("holder" if kind == "inside" else ""),
        )  # fmt: skip
        if kind != "unknown":
            tell(works, attempt)
        inside_s = max(0.0, min(120.0, from_s + length_s) - max(0.0, from_s))
        alone_s.append({"known": inside_s, "inside": 0.0, "unknown": 120.0}[kind])
        rows.append(
            EnergyRow(
                site_id=FLEET.sites[0].id,
                unit_id=NODE.unit_id,
                node_id=NODE.id,
                share=Share.JOB,
                start=start,
                end=end,
                energy_j=1.0,
                grid_g_per_kwh=50.0,
                tier=Tier.T4_CURVE,
                attempt_id=attempt.id,
            )
        )
    found = use.of(rows)
    node_g = MAKING_G_PER_H * 120.0 / 3600.0
    alone_g = [MAKING_G_PER_H / NODE.slots * seconds / 3600.0 for seconds in alone_s]
    assert math.fsum(found) <= node_g * (1 + 1e-12)
    assert math.fsum(found) == pytest.approx(min(node_g, math.fsum(alone_g)), rel=1e-6, abs=1e-12)
    assert all(0.0 <= one <= most * (1 + 1e-6) + 1e-12 for one, most in zip(found, alone_g, strict=True))


def tell(works: Works, attempt: Attempt) -> None:
    """Let observers hear that an attempt ended."""
    task = Task(
        id=TaskId("t"), account_id=ACCOUNT, name="t", profile="process", created_at=BEGIN, modified_at=BEGIN,
        state_since=BEGIN, state=TaskState.SUCCESS,
    )  # fmt: skip
    instance = Instance(
        id=InstanceId("t/000000"), task_id=task.id, number=0, state=InstanceState.SUCCEEDED, since=BEGIN
    )
    for observer in works.observers:
        observer(None, Work.of(task, [instance], [attempt]), Change(attempts=(attempt,)))
