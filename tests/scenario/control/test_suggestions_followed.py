"""Given what the usage mirror suggests, when somebody lives the same day again and follows it, then the saving is real.

Both days are lived by the code of production on a leaping clock: loop, lifecycle, metering and ledger. What the mirror
promised after the first day is held against the ledger of the second one.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.accounting.suggested_ends import Suggestion
from ondol.control.carbon_ground import carbon_ground
from ondol.control.host_desk import PlatformHosts
from ondol.control.ledger_facts import work_fact
from ondol.control.mirror_made import Mirror
from ondol.control.statement_desk import StatementDesk
from ondol.engine.ports import LaunchOrder
from ondol.engine.sim.attempt import Script
from ondol.engine.sim.engine import SimEngine
from ondol.lifecycle.events import CancelAsked
from ondol.model.account import Account
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, AttemptId, NodeId, SiteId, UnitId, task_of
from ondol.model.ledger import Share
from ondol.model.power import PowerCurve
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.model.view import ServiceClass
from ondol.storage.ports import Changes
from ondol.twin.rehearsal import Arrival, Rehearsal
from scenario.control.groups_stage import Stage
from scenario.twin.morning import BEGIN, arrival

ME = Account(id=AccountId("a"), email="a@b.c", token_hash="h", token_sealed=b"", created_at=BEGIN)
NOW = ServiceClass.ON_DEMAND
RATE = 60.0
HOUR_CPU_S = 0.1 * 60.0  # of this machine, what a server's tenth of a core spends in a platform hour
DAY_S = 5.5 * 3600.0


def _fleet() -> Fleet:
    """Four like servers in a room: what differs between two days is the work alone."""
    return Fleet(
        name="room",
        sites=(Site(id=SiteId("dc"), name="Room", country="FR"),),
        units=(Unit(id=UnitId("rack"), site_id=SiteId("dc"), kind=UnitKind.SERVER_RACK),),
        nodes=tuple(
            Node(
                id=NodeId(f"n{number}"), unit_id=UnitId("rack"), curve=PowerCurve(100.0, 400.0), slots=1,
                cores_per_slot=4, host_cores=0.1, cpu_model="virtual",
            )
            for number in range(4)
        ),
    )  # fmt: skip


class Lazy(SimEngine):
    """Attempts that use a part of their share of cores only, as a program with one thread on four cores does."""

    part = 0.25

    def launch(self, order: LaunchOrder) -> None:
        super().launch(dataclasses.replace(order, host_cores=self.part * order.host_cores))

    def limit_cpu(self, attempt_id: AttemptId, host_cores: float) -> None:
        super().limit_cpu(attempt_id, self.part * host_cores)


def _named(one: Arrival, name: str) -> Arrival:
    return dataclasses.replace(one, task=dataclasses.replace(one.task, name=name))


def _day(
    *work: Arrival, scripts: dict[str, Script] | None = None, cancel_after: dict[str, float] | None = None
) -> tuple[Rehearsal, Mirror]:
    """Live a day with some work; gives what was lived and its mirror."""
    day = Rehearsal(_fleet(), "fcfs", work, begin=BEGIN, clock_rate=RATE, tick_s=60.0)
    day.store.add_account(ME)
    day.store.commit(Changes(facts=tuple(work_fact(one.task) for one in work)))
    names = {one.task.id: one.task.name for one in work}
    behave = scripts or {}
    day.engine._script = lambda order: behave.get(names[task_of(order.attempt_id)], Script())
    lived_s = 0.0
    for name, after_s in sorted((cancel_after or {}).items(), key=lambda item: item[1]):
        day.run(after_s - lived_s)
        lived_s = after_s
        task_id = next(key for key, known in names.items() if known == name)
        day.works.ask(task_id, CancelAsked(at=day.clock.now(), task_id=task_id))
    day.run(DAY_S - lived_s)
    return day, _mirror(day, _fleet())


def _mirror(day: Rehearsal, fleet: Fleet) -> Mirror:
    hosts = PlatformHosts(fleet, day.store, day.clock.now)
    desk = StatementDesk(fleet, day.store, hosts, carbon_ground(fleet), day.clock.now, clock_rate=RATE)
    return desk.mirror(ME, "user", "me")


def _used_kwh(day: Rehearsal) -> float:
    return sum(row.energy_j for row in day.store.energy() if row.share is Share.JOB) / 3.6e6


def _the(made: Mirror, kind: str) -> Suggestion:
    (found,) = [one for one in made.suggestions if one.kind == kind]
    return found


def test_failures_alike_are_saved_by_one_ahead_of_the_rest() -> None:
    """Given four tasks that fail alike after an hour, when one goes ahead, then the other three are saved."""
    work = [_named(arrival(n, NOW, 1, HOUR_CPU_S, after_s=60), f"fit-{n}") for n in (1, 2, 3, 4)]
    broken = {f"fit-{n}": Script(exit_code=3) for n in (1, 2, 3, 4)}
    before, made = _day(*work, scripts=broken)
    promised = _the(made, "failed")

    after, _ = _day(work[0], scripts=broken)

    assert promised.saves_kwh == pytest.approx(_used_kwh(before) - _used_kwh(after), rel=0.02)
    assert '4 attempts of "fit" failed with exit code 3' in promised.text


def test_programs_that_could_not_be_started_are_told_so_with_the_reason() -> None:
    """Given a command that is not there, then the mirror says that it could not be started, and why."""
    work = [_named(arrival(n, NOW, 1, HOUR_CPU_S, after_s=60 + 600 * n), f"fit-{n}") for n in (1, 2)]
    _, made = _day(*work, scripts={f"fit-{n}": Script(launch_error="No such program: fitt") for n in (1, 2)})

    told = [one.text for one in made.suggestions if one.kind == "failed"]

    assert all("could not be started" in one and "No such program: fitt" in one for one in told)
    assert not any("exit code" in one for one in told)


def test_work_that_was_cancelled_is_saved_by_not_running_it() -> None:
    """Given a task that its user cancels after an hour, when it is not submitted, then just that is saved."""
    keep, drop = (
        _named(arrival(n, NOW, 1, 3 * HOUR_CPU_S, after_s=60), name) for n, name in ((1, "keep"), (2, "drop"))
    )
    before, made = _day(keep, drop, cancel_after={"drop": 3600.0})

    after, _ = _day(keep)

    assert _the(made, "cancelled").saves_kwh == pytest.approx(_used_kwh(before) - _used_kwh(after), rel=0.02)


def test_work_at_a_limit_is_saved_by_a_limit_that_suffices() -> None:
    """Given work of three hours and a limit of one, when the limit suffices at once, then one is saved."""
    work = arrival(1, NOW, 1, 3 * HOUR_CPU_S, after_s=60)
    short = dataclasses.replace(work, task=dataclasses.replace(work.task, name="fit", time_limit_s=60.0))
    again = _named(arrival(2, NOW, 1, 3 * HOUR_CPU_S, after_s=2 * 3600), "fit")
    before, made = _day(short, again)

    after, _ = _day(again)

    assert _the(made, "limit").saves_kwh == pytest.approx(_used_kwh(before) - _used_kwh(after), rel=0.02)
    assert _the(made, "limit").saves_kwh == pytest.approx(0.4, rel=0.1), "an hour of a server at full power"


def test_cores_that_rested_save_their_idle_power_when_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given one thread on four cores for four hours, when four threads do the same work, then idle power is saved."""
    work = _named(arrival(1, NOW, 1, HOUR_CPU_S, after_s=60), "lazy")
    with monkeypatch.context() as patch:
        patch.setattr("ondol.twin.rehearsal.SimEngine", Lazy)
        before, made = _day(work)
    promised = _the(made, "over_reserved")

    after, _ = _day(work)

    real_kwh = _used_kwh(before) - _used_kwh(after)
    assert promised.saves_kwh == pytest.approx(0.1 * 3.0, rel=0.05), "100 W of idle power for three hours"
    assert promised.saves_kwh <= real_kwh <= 2.0 * promised.saves_kwh, "at least that: the curve is steep at low load"
    assert promised.how.startswith("at least")


def test_empty_slots_are_saved_by_a_pool_that_shrinks_and_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a pool of two slots with an hour's work for one, when it has one and is closed after, that is saved."""
    monkeypatch.setattr("scenario.control.groups_stage.demo_fleet", _fleet)
    before, made = _pool_day(slots=2, close=False)
    promised = _the(made, "idle_pool_slot")

    after, _ = _pool_day(slots=1, close=True)

    assert promised.saves_kwh == pytest.approx(_used_kwh(before) - _used_kwh(after), rel=0.05)
    assert made.tasks == 1, "slots are no tasks"


def _pool_day(*, slots: int, close: bool) -> tuple[Rehearsal, Mirror]:
    """Live four hours with a pool and an hour's work in it."""
    day = Stage(begin=BEGIN, clock_rate=RATE, tick_s=60.0)
    pool = day.pool(slots=slots)
    task = day.task(cpu_s=HOUR_CPU_S, pool_id=pool.id)
    day.until(lambda: day.stored(task).state.final)
    if close:
        day.groups.pools.close(pool, day.clock.now())
    day.run(BEGIN.timestamp() + 4 * 3600.0 - day.clock.now_s())
    ran = sorted({row.task_id for row in day.store.energy() if row.task_id is not None})
    tasks = [found for key in ran if (found := day.store.task(key)) is not None]
    day.store.commit(Changes(facts=tuple(work_fact(one) for one in tasks)))
    return day, _mirror(day, _fleet())


def test_what_can_wait_meets_the_cleaner_hour_that_was_named() -> None:
    """Given work on demand, when it starts at the hour that was named, then it emits as much less as was said."""
    work = _named(arrival(1, NOW, 1, HOUR_CPU_S, after_s=60), "now")
    _, made = _day(work)
    promised = _the(made, "on_demand")
    hour = int(promised.text.partition("mostly from ")[2][:2])
    at = next(
        moment
        for step in range(1, 25)
        if (moment := BEGIN.astimezone(dt.UTC).replace(minute=30) + dt.timedelta(hours=step)).hour == hour
    )
    later = arrival(1, NOW, 1, HOUR_CPU_S, after_s=(at - BEGIN).total_seconds() + 60)

    day = Rehearsal(_fleet(), "fcfs", [later], begin=BEGIN, clock_rate=RATE, tick_s=60.0)
    day.run((at - BEGIN).total_seconds() + 2 * 3600.0)
    basis = carbon_ground(_fleet()).basis
    after_g = sum(basis.g_of(row) for row in day.store.energy() if row.share is Share.JOB)

    assert promised.saves_g == pytest.approx(made.co2e_g - after_g, rel=0.05)
    assert promised.saves_g > 0.0


def test_fewer_than_three_suggestions_say_what_was_looked_for() -> None:
    """Given good work, then nothing is invented: each saving that was looked for says why it is not there."""
    _, made = _day(_named(arrival(1, ServiceClass.FLEX, 1, HOUR_CPU_S, after_s=60), "good"))

    assert made.suggestions == ()
    assert len(made.without) == 5
    assert "failures: no attempts of a kind failed alike more than once" in made.without
