"""Given a task, when it is quoted, then what is offered, recommended and later judged follows stated rules."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from integration.storage.samples import NOON, make_task
from integration.storage.test_store_quotes import ESTIMATE, HOUR, quote
from ondol.accounting.quote import as_offered, digest_of, offers, overtaken, quality, recommended
from ondol.model.compute import Task
from ondol.model.ids import PoolId, TaskId
from ondol.model.quote import Option, Outcome, Quote
from ondol.model.view import ServiceClass


def task(instances: int = 4, **fields: object) -> Task:
    plain = {"instance_numbers": tuple(range(instances)), "service": ServiceClass.FLEX, "deadline": None}
    return dataclasses.replace(make_task(1), **{**plain, **fields})


def option(name: str, co2e_g: float, **fields: object) -> Option:
    told = dataclasses.replace(ESTIMATE, co2e_p50_g=co2e_g, co2e_p90_g=2 * co2e_g)
    return Option(name=name, **{"service": ServiceClass.FLEX, "instances": 4, "estimate": told, **fields})  # type: ignore[arg-type]


def test_four_ways_with_a_day_to_wait_where_no_deadline_was_stated() -> None:
    now, deadline, heat, smaller = offers(task(), NOON)
    assert [one.service for one in (now, deadline, heat)] == [
        ServiceClass.ON_DEMAND, ServiceClass.FLEX, ServiceClass.HARVEST,
    ]  # fmt: skip
    assert deadline.deadline == NOON + dt.timedelta(hours=24)
    assert (now.deadline, heat.deadline) == (None, None)
    assert smaller.instances == 2
    assert not any(one.why_not for one in (now, deadline, heat, smaller))


def test_a_stated_deadline_is_kept_and_a_passed_one_refused() -> None:
    assert offers(task(deadline=NOON + HOUR), NOON)[1].deadline == NOON + HOUR
    assert "has passed" in offers(task(deadline=NOON - HOUR), NOON)[1].why_not


def test_one_instance_cannot_be_made_smaller_and_a_budget_says_how_small() -> None:
    assert "one instance" in offers(task(1), NOON)[3].why_not
    assert offers(task(10), NOON, fitting=3)[3].instances == 3


def test_a_task_in_a_pool_and_filler_have_their_class_already() -> None:
    for one in (task(pool_id=PoolId("p")), task(service=ServiceClass.FILLER)):
        assert [bool(offer.why_not) for offer in offers(one, NOON)] == [True, True, True, False]


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
    assert digest_of(one) == digest_of(dataclasses.replace(one, service=ServiceClass.HARVEST, tags=("x",)))
    assert digest_of(one) != digest_of(dataclasses.replace(one, instance_numbers=(0,)))
    assert digest_of(one) != digest_of(dataclasses.replace(one, constants={"DOCKER_CMD": "other"}))


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
