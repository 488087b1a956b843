"""Given a task, when it is quoted, then what is offered, recommended and later judged follows stated rules."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from integration.storage.samples import NOON, make_task
from integration.storage.test_store_quotes import ESTIMATE, HOUR, quote
from ondol.accounting.quote import APART, as_offered, digest_of, interval, offers, overtaken, quality, recommended
from ondol.model.compute import ResourceBucket, Task
from ondol.model.conditions import (
    Dependency,
    FinalState,
    ForcedConstant,
    HardwareConstraint,
    HardwareKind,
    NetworkRule,
    Scheduling,
    SnapshotConfig,
)
from ondol.model.ids import JobId, PoolId, ProjectId, TaskId
from ondol.model.quote import Option, Outcome, Quote
from ondol.model.view import ServiceClass


def task(instances: int = 4, **fields: object) -> Task:
    plain = {"instance_numbers": tuple(range(instances)), "service": ServiceClass.FLEX, "deadline": None}
    return dataclasses.replace(make_task(1), **{**plain, **fields})


def option(name: str, co2e_g: float, **fields: object) -> Option:
    told = dataclasses.replace(ESTIMATE, co2e_p50_g=co2e_g, co2e_p90_g=2 * co2e_g)
    return Option(name=name, **{"service": ServiceClass.FLEX, "instances": 4, "estimate": told, **fields})  # type: ignore[arg-type]


def test_five_ways_with_a_day_to_wait_where_no_deadline_was_stated() -> None:
    now, deadline, heat, smaller, slower = offers(task(), NOON)
    assert [one.service for one in (now, deadline, heat)] == [
        ServiceClass.ON_DEMAND, ServiceClass.FLEX, ServiceClass.HARVEST,
    ]  # fmt: skip
    assert deadline.deadline == NOON + dt.timedelta(hours=24)
    assert (now.deadline, heat.deadline) == (None, None)
    assert smaller.instances == 2
    assert (slower.instances, slower.service, slower.speed_cap) == (4, ServiceClass.FLEX, 0.5)
    assert {one.speed_cap for one in (now, deadline, heat, smaller)} == {1.0}
    assert not any(one.why_not for one in (now, deadline, heat, smaller, slower))


def test_a_stated_deadline_is_kept_and_a_passed_one_refused() -> None:
    assert offers(task(deadline=NOON + HOUR), NOON)[1].deadline == NOON + HOUR
    assert "has passed" in offers(task(deadline=NOON - HOUR), NOON)[1].why_not


def test_one_instance_cannot_be_made_smaller_and_a_budget_says_how_small() -> None:
    assert "one instance" in offers(task(1), NOON)[3].why_not
    assert offers(task(10), NOON, fitting=3)[3].instances == 3


def test_a_task_in_a_pool_and_filler_have_their_class_already() -> None:
    for one, held in ((task(pool_id=PoolId("p")), True), (task(service=ServiceClass.FILLER), False)):
        assert [bool(offer.why_not) for offer in offers(one, NOON)] == [True, True, True, False, held]


def test_slower_than_a_cap_of_its_own_keeps_to_both() -> None:
    """Given a task with a cap, when it is quoted, then no option is faster, and what is slow already gets no slower."""
    capped = offers(task(speed_cap=0.8), NOON, gentle_speed=0.6)
    assert [one.speed_cap for one in capped] == [0.8, 0.8, 0.8, 0.8, 0.6]
    slow = offers(task(speed_cap=0.4), NOON)
    assert "0.4 of full speed already" in slow[4].why_not
    assert {one.speed_cap for one in slow} == {0.4}
    assert as_offered(task(), offers(task(), NOON)[4]).speed_cap == 0.5


def test_what_an_option_makes_of_a_task() -> None:
    asked = as_offered(task(resumable=False), offers(task(), NOON)[2])
    assert (asked.service, asked.deadline, asked.resumable) == (ServiceClass.HARVEST, None, True)
    assert as_offered(task(), offers(task(), NOON)[3]).instance_numbers == (0, 1)


def test_least_carbon_wins_but_doing_less_is_no_saving() -> None:
    made = recommended([option("now", 30.0), option("deadline", 20.0), option("smaller", 10.0, instances=2)])
    assert [one.name for one in made if one.recommended] == ["deadline"]
    made = recommended([option("now", 30.0, feasible=False), option("smaller", 10.0)])
    assert [one.name for one in made if one.recommended] == ["smaller"]
    assert not any(one.recommended for one in recommended([option("now", 30.0, feasible=False)]))


def test_a_quote_is_overtaken_where_the_median_passes_its_p90() -> None:
    quoted = option("now", 10.0)
    assert overtaken(quoted, option("now", 19.0)) == ""
    assert "emit 21 g" in overtaken(quoted, option("now", 21.0))
    late = dataclasses.replace(ESTIMATE, end_p50=ESTIMATE.end_p90 + HOUR, end_p90=ESTIMATE.end_p90 + 2 * HOUR)
    assert "would now end" in overtaken(quoted, dataclasses.replace(quoted, estimate=late))
    assert overtaken(quoted, dataclasses.replace(quoted, feasible=False, why_not="no heat")) == "no heat"


def test_the_same_work_is_known_whatever_its_class_and_tags() -> None:
    one = task()
    for told in (
        {"service": ServiceClass.HARVEST, "resumable": True},  # heat's work may always be stopped
        {"tags": ("x",)},
        {"labels": {"mine": "x"}},
        {"shortname": "short"},
        {"deadline": NOON + HOUR},
        {"auto_delete": True},
        {"ttl_s": 60.0},
    ):
        assert digest_of(one) == digest_of(dataclasses.replace(one, **told)), told  # type: ignore[arg-type]


OTHER: dict[str, object] = {
    "name": "other",
    "profile": "other",
    "instance_numbers": (0,),
    "constants": {"DOCKER_CMD": "other"},
    "forced_constants": (ForcedConstant(name="DOCKER_CMD", value="other"),),
    "resources": (ResourceBucket(bucket="other", strip_prefix="in/"),),
    "result_bucket": "other",
    "result_prefix": "other",
    "results_whitelist": "other",
    "results_blacklist": "other",
    "expected_s": 77.0,
    "time_limit_s": 77.0,
    "max_retries_total": 7,
    "max_retries_per_instance": 7,
    "upload_results_on_cancellation": True,
    "job_id": JobId("other"),
    "pool_id": PoolId("other"),
    "project_id": ProjectId("other"),
    "scheduling": Scheduling.ON_DEMAND,
    "machine_key": "other",
    "reservation": "other",
    "hardware": (HardwareConstraint(kind=HardwareKind.MINIMUM_CORE, amount=7.0),),
    "network_rules": (NetworkRule(inbound=True, port="77"),),
    "secrets_by_key": ("other",),
    "secrets_by_prefix": ("other",),
    "export_credentials": True,
    "max_queue_s": 77.0,
    "wait_for_resources": True,
    "snapshot": SnapshotConfig(interval_s=77),
    "speed_cap": 0.5,
    "resumable": True,
    "dependencies": (Dependency(task_id=TaskId("other"), accepts=(FinalState.FAILURE,)),),
}
"""Every field of the quoted body, otherwise than plain."""


def plain() -> Task:
    return task(resumable=False, forced_constants=(), hardware=(), network_rules=(), dependencies=(), labels={})


@pytest.mark.parametrize("name", sorted(OTHER))
def test_whatever_changes_a_run_or_its_results_makes_another_body(name: str) -> None:
    other = dataclasses.replace(plain(), **{name: OTHER[name]})  # type: ignore[arg-type]
    assert getattr(other, name) != getattr(plain(), name)
    assert digest_of(other) != digest_of(plain())


def test_every_field_of_a_task_is_in_the_quoted_body_or_left_out_with_intent() -> None:
    named = {one.name for one in dataclasses.fields(Task)}
    assert named >= APART
    assert named - set(OTHER) == APART - {"resumable", "dependencies"}


def test_how_far_a_dependency_has_come_is_not_the_body() -> None:
    waits = Dependency(task_id=TaskId("first"))
    one, other = (task(dependencies=(dataclasses.replace(waits, ended=end),)) for end in (None, FinalState.SUCCESS))
    assert digest_of(one) == digest_of(other)


def taken(number: int, energy_kwh: float, state: str = "Success") -> Quote:
    came = Outcome(state=state, start=NOON, end=NOON + 1.5 * HOUR, energy_kwh=energy_kwh, co2e_g=20.1)
    return dataclasses.replace(
        quote(number), accepted="now", accepted_at=NOON, task_id=TaskId(f"t{number}"), outcome=came
    )


def test_quality_counts_what_ended_well_and_nothing_else() -> None:
    rows = quality([taken(1, 0.3), taken(2, 0.45), taken(3, 0.6), taken(4, 9.0, "Failure"), quote(5)])
    by = {(row.option, row.figure): row for row in rows}
    energy = by["all", "energy"]
    assert energy.tasks == 3
    assert (energy.p50_kept, energy.p90_kept) == pytest.approx((1 / 3, 2 / 3))
    assert energy.median_error == pytest.approx(abs(1 / 3 - 0.45) / 0.45)
    assert by["now", "end"].p90_kept == 1.0
    assert by["now", "co2e"].median_error == pytest.approx(0.0)
    assert quality([]) == ()


def test_a_share_of_few_says_how_little_it_is() -> None:
    # Wilson's interval of 9 of 10, as in Brown, Cai & DasGupta, Statistical Science 16, 2001: 0.596 to 0.982
    assert interval(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert interval(0, 5)[0] == 0.0
    assert interval(5, 5)[1] == 1.0
    row = next(one for one in quality([taken(1, 0.3), taken(2, 0.45), taken(3, 0.6)]) if one.figure == "energy")
    assert row.p90_low < row.p90_kept < row.p90_high


def test_what_was_not_promised_is_not_held_against_a_quote() -> None:
    one = taken(1, 0.3)
    unsaid = dataclasses.replace(ESTIMATE, not_before=NOON + HOUR)
    options = tuple(dataclasses.replace(option, estimate=unsaid) for option in one.options)
    rows = quality([dataclasses.replace(one, options=options)])
    assert {row.figure for row in rows} == {"energy", "co2e"}
