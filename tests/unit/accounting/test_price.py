"""Given a tariff, when attempts end, then each kind of work costs what was said and heat-only work nothing."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.accounting.price import Tariff, core_hours
from ondol.model.compute import Attempt, AttemptState
from ondol.model.conditions import Scheduling
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AttemptId, InstanceId, NodeId, TaskId
from ondol.model.view import ServiceClass

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
TARIFF = Tariff(on_demand=0.04, flex=0.02, reserved=0.03, harvest=0.01)


def attempt(**fields: object) -> Attempt:
    given = {
        "id": AttemptId("t.000000.001"),
        "instance_id": InstanceId("t/000000"),
        "task_id": TaskId("t"),
        "node_id": NodeId("n"),
        "number": 1,
        "state": AttemptState.SUCCEEDED,
        "created_at": T0,
        "since": T0,
        "started_at": T0 + dt.timedelta(minutes=10),
        "ended_at": T0 + dt.timedelta(hours=2, minutes=10),
    }
    return Attempt(**(given | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scheduling", "service", "price"),
    [
        (Scheduling.ON_DEMAND, ServiceClass.ON_DEMAND, 0.04),
        (Scheduling.FLEX, ServiceClass.FLEX, 0.02),
        (Scheduling.RESERVED, ServiceClass.ON_DEMAND, 0.03),
        (Scheduling.FLEX, ServiceClass.HARVEST, 0.01),
        (Scheduling.ON_DEMAND, ServiceClass.FILLER, 0.0),
    ],
)
def test_price_by_kind_of_work(scheduling: Scheduling, service: ServiceClass, price: float) -> None:
    assert TARIFF.price(scheduling, service) == price


def test_time_is_paid_from_launch_to_end_without_pauses() -> None:
    assert core_hours(attempt(paused_s=1800.0), 4.0, T0) == pytest.approx(4.0 * 1.5)
    assert core_hours(attempt(started_at=None), 4.0, T0) == 0.0
    running = attempt(state=AttemptState.RUNNING, ended_at=None)
    assert core_hours(running, 1.0, T0 + dt.timedelta(minutes=40)) == pytest.approx(0.5)


def test_a_tariff_without_prices_is_free_and_a_slip_of_the_pen_is_refused() -> None:
    assert Tariff().free
    assert not TARIFF.free
    with pytest.raises(InvalidFieldError, match=r"tariff\.flex"):
        Tariff(flex=-0.01)
