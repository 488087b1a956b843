"""Given a quote, when an option of it is taken, then that very task runs, once, and what came is held against it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
import pytest

from ondol.control.estimates import KEY, Estimator
from ondol.control.grids import Grids
from ondol.control.quote_book import LABEL, quoted_task, task_id_of
from ondol.control.quote_desk import quote_book
from ondol.model.budget import Overrun
from ondol.model.compute import Task, TaskState
from ondol.model.conditions import HardwareConstraint, HardwareKind
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId, NodeId, TaskId
from ondol.model.quote import Quote
from ondol.model.view import ServiceClass
from ondol.server.api.quote_out import quote_out
from scenario.control.budget_stage import BudgetStage
from scenario.control.groups_stage import ACCOUNT

TEN = dt.timedelta(minutes=10)


class QuoteStage(BudgetStage):
    """A stage that quotes; what it learned outlives a life as on the platform."""

    kept: bytes | None = None

    def _live(self) -> None:
        super()._live()
        ground = self.desk.ground
        self.estimator = Estimator(
            self._fleet,
            Grids(self._fleet),
            now=self.clock.now,
            view=lambda: self.loop.view,
            basis=ground.basis,
            embodied_g_per_h={NodeId(node.id): 5.0 for node in self._fleet.nodes},
            clock_rate=self.clock.rate,
            kept=self.kept,
        )
        self.works.observers.append(self.estimator.observe)
        self.loop.booked.append(self.estimator.booked)
        self.quotes = quote_book(
            self._fleet,
            self.store,
            self.works,
            ground=ground,
            check=self.desk._intake.check_but_budgets,
            now=self.clock.now,
            estimator=self.estimator,
            guard=self.guard,
        )

    def asked(self, instances: int = 2, **fields: Any) -> Task:
        at = self.clock.now()
        wanted = {"constants": {"CMD": "true"}, "service": ServiceClass.FLEX, "profile": "process", "expected_s": 60.0}
        wanted["name"] = "render"
        return Task(
            id=TaskId(f"task-{next(self._numbers):03}"), account_id=ACCOUNT, created_at=at,
            modified_at=at, state_since=at, instance_numbers=tuple(range(instances)), **{**wanted, **fields},
        )  # fmt: skip

    def give(self, task: Task) -> Quote:
        return self.quotes.give(task, "{}")

    def take(self, quote: Quote, task: Task, name: str, cpu_s: float = 1.0) -> Task:
        """What the route does."""
        with self.quotes.claim(ACCOUNT, quote.id, name) as (held, option, task_id):
            self.quotes.check_stands(task, option)
            made = quoted_task(task, held, option, lambda numbers: ",".join(map(str, numbers)))
            assert made.id == task_id
            self._cpu_s[made.id] = cpu_s
            self.desk.submit([dataclasses.replace(made, created_at=self.clock.now())])
        return made


def stage(**settings: Any) -> QuoteStage:
    made = QuoteStage(**settings)
    made.run(60)
    return made


def test_every_option_says_when_how_much_and_why() -> None:
    here = stage()
    quote = here.give(here.asked())
    assert [one.name for one in quote.options] == ["now", "deadline", "heat", "smaller", "slower"]
    assert quote.valid_until - quote.made_at == TEN
    for option in quote.options:
        assert option.estimate is not None
        assert option.estimate.basis == "lca_levelled"
        assert 0.0 < option.co2e_low_g <= option.estimate.co2e_p50_g <= option.estimate.co2e_p90_g  # type: ignore[operator]
        assert option.price_eur == 0.0
        assert "g/kWh now" in option.why
    assert sum(one.recommended for one in quote.options) == 1
    smaller, now = quote.option("smaller"), quote.option("now")
    assert smaller is not None and now is not None and smaller.estimate and now.estimate  # noqa: PT018
    assert smaller.instances == 1
    assert smaller.estimate.energy_p50_kwh < now.estimate.energy_p50_kwh
    assert here.store.quote(quote.id) == quote


def test_a_bad_body_stores_nothing() -> None:
    here = stage()
    with pytest.raises(NotFoundError, match="bucket"):
        here.give(here.asked(result_bucket="nowhere"))
    assert here.store.quotes() == ()


def test_an_option_is_taken_once_whatever_is_asked_again() -> None:
    here = stage()
    task = here.asked()
    quote = here.give(task)
    assert here.quotes.taken(ACCOUNT, quote.id, "deadline") is None
    made = here.take(quote, task, "deadline")
    stored = here.stored(made)
    assert (stored.service, stored.deadline) == (ServiceClass.FLEX, quote.option("deadline").deadline)  # type: ignore[union-attr]
    assert stored.labels[LABEL] == f"{quote.id}/deadline"
    assert here.quotes.taken(ACCOUNT, quote.id, "deadline") == made.id
    for name in ("deadline", "now"):
        with pytest.raises(ConflictError, match="was taken as 'deadline'"):
            here.take(quote, task, name)
    with pytest.raises(ConflictError, match="was taken"):
        here.quotes.taken(ACCOUNT, quote.id, "now")


def test_two_at_once_make_one_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ondol.control.quote_book._PATIENCE_S", 0.2)
    here = stage()
    task = here.asked()
    quote = here.give(task)
    with here.quotes.claim(ACCOUNT, quote.id, "now"), pytest.raises(ConflictError, match="another request"):
        here.take(quote, task, "heat")
    here.take(quote, task, "now")


def test_a_quote_is_good_for_ten_minutes_and_for_its_account() -> None:
    here = stage()
    task = here.asked()
    quote = here.give(task)
    with pytest.raises(NotFoundError, match="quote"):
        here.quotes.get(AccountId("bob"), quote.id)
    with pytest.raises(InvalidFieldError, match="option"):
        here.take(quote, task, "sideways")
    here.run(601)
    with pytest.raises(ConflictError, match="was valid until"):
        here.take(quote, task, "now")
    assert here.store.task(task_id_of(quote.id)) is None


def test_what_a_crash_left_between_task_and_mark_is_found_again() -> None:
    """The task is the acceptance: killed before the quote is marked, it is taken all the same."""
    here = stage()
    task = here.asked()
    quote = here.give(task)
    made = here.take(quote, task, "now")
    here.store.put_quotes([quote])  # as if nobody had come to mark it
    assert here.quotes.taken(ACCOUNT, quote.id, "now") == made.id
    with pytest.raises(ConflictError):
        here.take(quote, task, "now")


def test_what_was_submitted_without_the_quote_is_matched_with_it() -> None:
    here = stage()
    task = here.asked(deadline=here.clock.now() + dt.timedelta(hours=12))
    quote, other = here.give(task), here.give(here.asked(name="else"))
    here._cpu_s[task.id] = 1.0
    here.desk.submit([task])
    matched = here.quotes.get(ACCOUNT, quote.id)
    assert (matched.matched, matched.accepted, matched.task_id) == (True, "deadline", task.id)
    assert here.quotes.get(ACCOUNT, other.id).task_id == ""


def test_what_runs_otherwise_than_it_was_offered_is_matched_with_nothing() -> None:
    """Given a quote of a day's patience, when the same work comes without any, then nothing was foretold of it."""
    here = stage()
    for fields in ({}, {"deadline": here.clock.now() + dt.timedelta(hours=2)}, {"max_retries_total": 3}):
        quote = here.give(here.asked(deadline=here.clock.now() + dt.timedelta(hours=24)))
        task = here.asked(**{"deadline": None, **fields})
        here._cpu_s[task.id] = 1.0
        here.desk.submit([task])
        assert here.quotes.get(ACCOUNT, quote.id).task_id == ""


def test_what_came_is_held_against_the_quote() -> None:
    here = stage()
    task = here.asked()
    quote = here.give(task)
    made = here.take(quote, task, "now", cpu_s=3.0)
    here.until(lambda: here.stored(made).state is TaskState.SUCCESS)
    here.run(120)
    rows = {(row.option, row.figure): row for row in here.quotes.quality(ACCOUNT)}
    outcome = here.quotes.get(ACCOUNT, quote.id).outcome
    assert outcome is not None
    assert outcome.state == "Success"
    assert outcome.start is not None and outcome.start < outcome.end  # noqa: PT018
    pue = {site.id: site.pue for site in here._fleet.sites}
    drawn_kwh = sum(row.energy_j * pue[row.site_id] for row in here.store.energy(task_id=made.id)) / 3.6e6
    assert outcome.energy_kwh == pytest.approx(drawn_kwh)
    assert outcome.co2e_g > here.estimator.embodied_g(here.attempts(made)) > 0.0
    assert set(rows) == {(name, figure) for name in ("all", "now") for figure in ("start", "end", "energy", "co2e")}
    assert here.quotes.quality(AccountId("bob")) == ()
    of_all = here.quotes.of_all_tasks()
    assert of_all["energy"] == {"on_demand": (1, 1)} or of_all["energy"] == {"on_demand": (1, 0)}
    assert of_all["start"].keys() == {"on_demand"}


def test_own_runs_of_the_kind_are_what_the_next_quote_rests_on() -> None:
    here = stage()
    for number in range(3):
        task = here.asked(1, name=f"render-{number}", expected_s=None, service=ServiceClass.ON_DEMAND)
        here._cpu_s[task.id] = 3.0
        here.desk.submit([task])
        here.until(lambda task=task: here.stored(task).state is TaskState.SUCCESS)
    here.run(120)
    option = here.give(here.asked(1, name="render-99", expected_s=None)).option("now")
    assert option is not None and option.estimate is not None  # noqa: PT018
    assert option.estimate.grounds == "3 own runs of the same kind"
    kept = here.estimator.documents()[KEY]
    QuoteStage.kept = kept
    try:
        again = stage()
        later = again.give(again.asked(1, name="render-100", expected_s=None)).option("now")
    finally:
        QuoteStage.kept = None
    assert later is not None and later.estimate is not None  # noqa: PT018
    assert later.estimate.grounds == "3 own runs of the same kind"


def test_an_option_that_no_budget_has_room_for_says_so_and_a_smaller_one_fits() -> None:
    here = stage()
    task = here.asked(8, expected_s=36_000.0)
    whole = here.give(task).option("deadline")
    assert whole is not None and whole.estimate is not None  # noqa: PT018
    here.budget("mine", energy_kwh=whole.estimate.energy_p90_kwh / 2.0)
    quote = here.give(here.asked(8, expected_s=36_000.0))
    now, smaller = quote.option("now"), quote.option("smaller")
    assert now is not None and smaller is not None  # noqa: PT018
    assert not now.feasible
    assert "budget mine (account) has too little left" in now.why_not
    assert now.budgets[0].energy_kwh is not None and now.budgets[0].energy_kwh < 0.0  # noqa: PT018
    assert smaller.feasible
    assert 1 <= smaller.instances <= 4
    assert smaller.budgets[0].fits
    with pytest.raises(ConflictError, match="cannot be had"):
        here.take(quote, task, "now")


def test_a_budget_that_only_alerts_makes_nothing_smaller() -> None:
    """Given room for half of the work, and a budget long used up that only alerts, then half is offered, not one."""
    here = stage()
    whole = here.give(here.asked(8, expected_s=36_000.0)).option("deadline")
    assert whole is not None and whole.estimate is not None  # noqa: PT018
    here.budget("mine", energy_kwh=whole.estimate.energy_p90_kwh / 2.0)
    alone = here.give(here.asked(8, expected_s=36_000.0)).option("smaller")
    here.budget("told", co2e_g=1e-3, overrun=Overrun.ALERT_ONLY)
    beside = here.give(here.asked(8, expected_s=36_000.0)).option("smaller")
    assert alone is not None and beside is not None  # noqa: PT018
    assert beside.instances == alone.instances > 1


def test_a_plan_that_has_changed_makes_a_quote_worthless() -> None:
    here = stage()
    task = here.asked(1, expected_s=60.0)
    quote = here.give(task)
    slots = sum(node.slots for node in here._fleet.nodes)
    here.task(4 * slots, cpu_s=20_000.0, expected_s=200_000.0)  # the whole fleet for days
    here.run(60)
    with pytest.raises(ConflictError, match="plan has changed"):
        here.take(quote, task, "now")
    assert here.store.task(task_id_of(quote.id)) is None


def test_hardware_that_nobody_has_cannot_be_offered() -> None:
    here = stage()
    constraint = HardwareConstraint(kind=HardwareKind.MINIMUM_CORE, amount=10_000.0)
    quote = here.give(here.asked(hardware=(constraint,)))
    assert not any(one.feasible for one in quote.options)
    assert all("hardware" in one.why_not for one in quote.options)


@pytest.mark.parametrize("kept", [b"\x93not what it was", b"\x80"])
def test_what_another_release_learned_is_learned_anew(kept: bytes, caplog: pytest.LogCaptureFixture) -> None:
    QuoteStage.kept = kept
    try:
        here = stage()
    finally:
        QuoteStage.kept = None
    assert here.give(here.asked()).option("now") is not None
    assert "learned anew" in caplog.text


def test_heat_that_is_not_foreseen_is_no_promise() -> None:
    """Given sinks that want nothing for days, when work is quoted, then `heat` is not to be had, and why."""
    here = stage()
    view = here.loop.view
    assert view is not None
    cold = {name: np.zeros_like(getattr(view.sinks, name)) for name in ("demand_w", "demand_high_w", "capacity_j")}
    summer = dataclasses.replace(
        view,
        sinks=dataclasses.replace(view.sinks, **cold),
        units=dataclasses.replace(view.units, wanted_w=np.zeros_like(view.units.wanted_w)),
    )
    here.estimator._view = lambda: summer
    heat, now = here.give(here.asked()).option("heat"), here.give(here.asked()).option("now")
    assert heat is not None and heat.estimate is not None and now is not None  # noqa: PT018
    assert not heat.feasible
    assert "its start is not foreseen within 48 h" in heat.why_not
    assert heat.estimate.not_before is not None
    assert now.feasible
    assert now.estimate is not None and now.estimate.not_before is None  # noqa: PT018
    quote = here.give(here.asked())
    shown = {one["option"]: one for one in quote_out(quote)["options"]}
    assert shown["heat"]["start"] == {"p50": None, "p90": None, "not_before": heat.estimate.not_before.isoformat()}
    assert shown["heat"]["end"] == {"p50": None, "p90": None}
    assert shown["now"]["start"]["not_before"] is None
    with pytest.raises(ConflictError, match="not foreseen"):
        here.take(quote, here.asked(), "heat")


def test_each_quote_says_how_the_last_of_its_class_did() -> None:
    here = stage()
    for number in range(3):
        task = here.asked(1, name=f"render-{number}", service=ServiceClass.ON_DEMAND)
        here._cpu_s[task.id] = 3.0
        here.desk.submit([task])
        here.until(lambda task=task: here.stored(task).state is TaskState.SUCCESS)
    record = here.give(here.asked()).option("now").record  # type: ignore[union-attr]
    assert record is not None
    assert record.tasks == 3
    assert 0 <= record.kept <= 3
    assert here.give(here.asked()).option("heat").record is None  # type: ignore[union-attr]
    quality = here.quotes.quality(ACCOUNT, days=1)
    with pytest.raises(InvalidFieldError, match="days"):
        here.quotes.quality(ACCOUNT, days=0)
    assert quality == ()


def test_a_task_that_is_deleted_is_compared_with_nothing() -> None:
    here = stage()
    task = here.asked()
    quote = here.give(task)
    made = here.take(quote, task, "now", cpu_s=3.0)
    here.delete(made)
    here.until(lambda: here.store.task(made.id) is None)
    assert here.quotes.quality(ACCOUNT) == ()
    outcome = here.quotes.get(ACCOUNT, quote.id).outcome
    assert outcome is not None
    assert outcome.state in ("Cancelled", "Deleted")


def test_tasks_that_are_deleted_while_they_run_do_not_make_later_quotes_late() -> None:
    """Given some deleted right after their submission, when hours have passed, then p90 is what it was before."""
    here = stage()

    def end_p90_s() -> float:
        quote = here.give(here.asked())
        option = quote.option("deadline")
        assert option is not None
        assert option.estimate is not None
        assert option.estimate.end_p90 is not None
        return (option.estimate.end_p90 - quote.made_at).total_seconds()

    before_s = end_p90_s()
    for _ in range(4):
        task = here.asked(1)
        here._cpu_s[task.id] = 1e6
        here.desk.submit([task])
        here.run(30)
        here.delete(task)
    here.run(3 * 3600.0)

    assert end_p90_s() == pytest.approx(before_s, rel=0.5)
    assert not any(key for figure in here.estimator.foreteller.figures.values() for key in figure.open)


def test_looking_what_came_asks_for_open_quotes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given years of quotes that were taken, when somebody asks for a list, then not all of them are read."""
    here = stage()
    task = here.asked()
    made = here.take(here.give(task), task, "now", cpu_s=3.0)
    monkeypatch.setattr(here.store, "unsettled_quotes", lambda: pytest.fail("all were read again"))
    here.quotes.settle()
    here.until(lambda: here.stored(made).state is TaskState.SUCCESS)
    here.run(120)
    here.quotes.settle()
    (quote,) = here.quotes.list(ACCOUNT)
    assert quote.outcome is not None
    monkeypatch.setattr(here.store, "quote", lambda _id: pytest.fail("it is settled"))
    here.quotes.settle()
