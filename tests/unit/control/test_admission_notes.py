"""What is said of a submission, in winter and in summer, full and empty."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.control.admission_notes import AdmissionNotes
from ondol.control.heat_signal import HeatSignals
from ondol.control.season import Season, Week
from ondol.model.admission import VERDICTS, AdmissionNote
from ondol.model.compute import Task
from ondol.model.errors import UnavailableError
from ondol.model.filler import FillerTerms
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, NodeId, SinkId, SiteId, TaskId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.model.view import Phase, ServiceClass, View
from unit.policy.views import NOW_S, UnitRow, WorkRow, World

NOW = dt.datetime.fromtimestamp(NOW_S, dt.UTC)  # 2026-01-12 06:40
DAY_S = [3600.0] * 48
FLEET = Fleet(
    name="home",
    sites=(Site(id=SiteId("home"), name="home"),),
    units=(Unit(id=UnitId("u"), site_id=SiteId("home"), kind=UnitKind.DIGITAL_HEATER, zone_id=SinkId("r")),),
    nodes=(Node(id=NodeId("u-n0"), unit_id=UnitId("u"), curve=PowerCurve(0, 400), slots=2),),
    sinks=(Zone(id=SinkId("r"), site_id=SiteId("home"), name="room"),),
)


class FixedSeason(Season):
    """A year of which one week of July carries a single slot."""

    def worst(self, now: dt.datetime) -> Week | None:
        return Week(dt.date(2026, 7, 20), 0.6)


def view(demand_w: float | list[float] = 300.0, *work: WorkRow) -> View:
    row = UnitRow("u", sink="r", demand_w=demand_w, idle_w=0.0, max_w=400.0, slots=(2,))
    world = World([row], list(work), grid={"home": 50.0}, stores=True, ahead_s=DAY_S, ahead_grid={"home": [50.0] * 48})
    return world.view()


def notes(seen: View | None, policy: str = "follow", filler: FillerTerms | None = None) -> AdmissionNotes:
    signals = HeatSignals(FLEET, lambda _site: frozenset(), lambda: seen)
    season = FixedSeason(FLEET, lambda _site, _at: pytest.fail("not asked"))
    return AdmissionNotes(signals, season, now=lambda: NOW, policy=policy, filler=filler or FillerTerms())


def task(service: ServiceClass, number: int = 0, **fields: object) -> Task:
    key = TaskId(f"{service.name}-{number}")
    made = {"created_at": NOW, "modified_at": NOW, "state_since": NOW}
    return Task(id=key, account_id=AccountId("a"), name=key, profile="process", service=service, **made, **fields)


def said(seen: View | None, service: ServiceClass, policy: str = "follow", **fields: object) -> AdmissionNote:
    (noted,) = notes(seen, policy).noted([task(service, **fields)])
    assert noted.admission is not None
    assert noted.admission.verdict in VERDICTS
    return noted.admission


EVENING = [0.0] * 10 + [300.0] * 38
SUMMER = 0.0


def test_in_winter_all_classes_start_now() -> None:
    for service in ServiceClass:
        note = said(view(), service)
        assert (note.verdict, note.heat, note.service) == ("starts_now", "heat_wanted", service.name.lower())


def test_a_summer_fleet_says_what_it_does_with_each_class() -> None:
    """Given no heat demand for two days, then on_demand starts, flex by its latest start, harvest and filler wait."""
    deadline = NOW + dt.timedelta(hours=8)
    found = {
        service: said(view(SUMMER), service, expected_s=3600.0, deadline=deadline if service == 1 else None)
        for service in ServiceClass
    }
    assert [note.verdict for note in found.values()] == ["starts_now", *["waits_for_heat"] * 3]
    flex = found[ServiceClass.FLEX]
    # the deadline less 1.3 times the hour that it runs, less ten minutes
    assert flex.latest_start == deadline - dt.timedelta(seconds=1.3 * 3600.0 + 600.0)
    assert "by 2026-01-12 13:12 UTC at the latest for its deadline of 2026-01-12 14:40 UTC" in flex.text
    assert "not expected to be wanted within two days" in found[ServiceClass.HARVEST].text
    assert "charged to the heat" in found[ServiceClass.FILLER].text


def test_harvest_is_told_when_heat_is_wanted_next() -> None:
    note = said(view(EVENING), ServiceClass.HARVEST)
    assert note.heat_wanted_at is not None
    assert NOW + dt.timedelta(hours=9) <= note.heat_wanted_at <= NOW + dt.timedelta(hours=10)
    assert f"wanted next about {note.heat_wanted_at:%Y-%m-%d %H:%M} UTC" in note.text


def test_of_a_single_hosts_home_nobody_is_told_whether_it_wants_heat() -> None:
    """Given one home with a host, then who submits hears what its class means, not whether the home is cold."""
    signals = HeatSignals(FLEET, lambda _site: frozenset([AccountId("anna")]), view)
    season = FixedSeason(FLEET, lambda *_: pytest.fail("not asked"))
    made = AdmissionNotes(signals, season, now=lambda: NOW, policy="follow", filler=FillerTerms())
    (noted,) = made.noted([task(ServiceClass.HARVEST)])
    note = noted.admission
    assert note is not None
    assert (note.heat, note.heat_wanted_at, note.capacity.heat_slots) == ("", None, None)
    assert (note.verdict, note.capacity.slots) == ("waits_for_heat", 2)


def test_a_full_fleet_says_that_slots_have_to_come_free() -> None:
    busy = [WorkRow(f"w{k}", phase=Phase.RUNNING, node="u-n0", expected_s=9e4) for k in range(2)]
    note = said(view(300.0, *busy), ServiceClass.ON_DEMAND)
    assert note.verdict == "waits_for_slot"
    assert "filler makes room" in note.text
    assert (note.capacity.free_slots, note.capacity.slots) == (0, 2)


def test_where_every_slot_is_taken_nobody_is_told_that_work_starts_now() -> None:
    """Given heat wanted by a second room whose server is drained, and a full first one, then all classes wait for a
    slot, and what is said does not send anybody to wait for heat."""
    notes_ = notes(view())
    known = notes_.now()
    full = dataclasses.replace(known, capacity=dataclasses.replace(known.capacity, free_slots=0))
    assert full.heat == "heat_wanted"
    notes_.now = lambda: full  # type: ignore[method-assign]
    for service in ServiceClass:
        (noted,) = notes_.noted([task(service)])
        assert noted.admission is not None
        assert noted.admission.verdict == "waits_for_slot", service
        assert "waits for heat" not in noted.admission.text


@pytest.mark.parametrize("policy", ["follow", "fcfs"])
def test_with_all_servers_lost_every_class_is_told_so(policy: str) -> None:
    """Given a fleet of which no server takes work, then no answer names a slot, a start or a wait for heat alone."""
    row = UnitRow("u", sink="r", demand_w=300.0, idle_w=0.0, max_w=400.0, slots=(2,), accepts=False)
    dead = World([row], grid={"home": 50.0}, stores=True, ahead_s=DAY_S, ahead_grid={"home": [50.0] * 48}).view()
    for service in ServiceClass:
        note = said(dead, service, policy)
        assert note.verdict == "waits_for_server"
        assert note.text == "No server takes work now: it waits until one does."
        assert note.start_p50 is None
        assert note.capacity.slots == 0
    late = said(dead, ServiceClass.FLEX, deadline=NOW - dt.timedelta(hours=1))
    assert late.verdict == "too_late"
    assert "No server takes work now" in late.text
    assert said(dead, ServiceClass.HARVEST, pool_id="p").text.startswith("No server takes work now")


def test_more_instances_than_slots_are_told_how_many_run_at_once() -> None:
    assert (
        "Of its 5 instances 2 at most run at once."
        in said(view(), ServiceClass.ON_DEMAND, instance_numbers=tuple(range(5))).text
    )
    assert "at most" not in said(view(), ServiceClass.ON_DEMAND, instance_numbers=(0, 1)).text


def test_flex_that_is_late_is_told_so() -> None:
    assert said(view(), ServiceClass.FLEX, deadline=NOW - dt.timedelta(hours=1)).verdict == "too_late"
    assert said(view(), ServiceClass.FLEX, deadline=NOW + dt.timedelta(minutes=5)).verdict == "waits_for_slot"


def test_the_size_of_the_fleet_is_told_for_now_and_for_the_worst_week() -> None:
    capacity = said(view(300.0), ServiceClass.FLEX).capacity
    assert (capacity.heat_slots, capacity.worst_week_heat_slots) == (2, 1)  # 300 of 400 W are 1.5 slots
    assert capacity.worst_week == dt.date(2026, 7, 20)
    assert "1 in the week of 20 July, the worst ahead" in said(view(), ServiceClass.FLEX).text


def test_another_policy_is_named_with_what_it_does() -> None:
    note = said(view(SUMMER), ServiceClass.HARVEST, policy="fcfs")
    assert note.verdict == "by_policy"
    assert "in the order in which it came" in note.text
    assert "The policy is of-my-own" in said(view(), ServiceClass.FLEX, policy="of-my-own").text


def test_a_task_in_a_pool_runs_in_its_slots() -> None:
    assert said(view(), ServiceClass.FLEX, pool_id="p").verdict == "in_pool"


def test_nothing_known_yet_and_nothing_working_never_refuse_a_task() -> None:
    assert said(None, ServiceClass.FLEX).heat == ""
    broken = notes(view())
    broken._season = None  # a fault of our own
    (noted,) = broken.noted([task(ServiceClass.FLEX)])
    assert noted.admission is None


def test_alike_tasks_of_one_submission_are_thought_about_once() -> None:
    asked = []

    def estimate(one: Task) -> None:
        asked.append(one.id)
        raise UnavailableError("not now")

    signals = HeatSignals(FLEET, lambda _site: frozenset(), view)
    made = AdmissionNotes(
        signals, FixedSeason(FLEET, lambda *_: pytest.fail("no")), now=lambda: NOW, policy="follow",
        filler=FillerTerms(), estimate=estimate,
    )  # fmt: skip
    noted = made.noted([task(ServiceClass.FLEX, n) for n in range(1000)])
    assert len(asked) == 1
    assert all(one.admission == noted[0].admission for one in noted)
    assert all(dataclasses.replace(one, admission=None) for one in noted)


def test_the_operators_own_filler_is_named() -> None:
    burning = FillerTerms(source="burn", burn_asked_by="Ana, the pool would freeze")
    text = notes(view(), filler=burning).classes()[ServiceClass.FILLER].text
    assert "burns cycles for heat, asked for by Ana, the pool would freeze" in text
