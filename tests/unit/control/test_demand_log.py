"""What sinks needed, hour by hour: balances by hand, what does not count, and what outlives a restart."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import numpy as np
import pytest

from ondol.agent.orders import SinkReport, SiteOrders
from ondol.control.demand_log import DAYS, HOUR_S, KEYS, DemandLog
from ondol.drivers.virtual.surroundings import OutdoorState
from ondol.model.ids import SinkId

A, B = SinkId("a"), SinkId("b")
DAY_S = 24 * HOUR_S


def weather(at: dt.datetime) -> OutdoorState:
    return OutdoorState(temp_c=float(at.hour), solar_w_m2=10.0)


def stand(sink: SinkId, *, heat_j: float | None, held_j: float = 0.0, store_j: float = 1.0) -> SinkReport:
    return SinkReport(
        sink_id=sink,
        store_j=store_j,
        capacity_j=10.0,
        loss_per_s=0.0,
        lacks_j=0.0,
        walls_lack_j=0.0,
        held_j=held_j,
        excess_w=50.0,
        wanted_ahead_w=(),
        heat_j=heat_j,
    )


def orders(*reports: SinkReport) -> list[SiteOrders]:
    now = dt.datetime(2022, 1, 1, tzinfo=dt.UTC)
    return [SiteOrders(now=now, dt_s=60.0, units=(), nodes=(), sinks=(), reports=reports)]


def live(log: DemandLog, begin_s: float, hours: float, **given: float) -> None:
    """Sample each minute: meters run with 800 W, and the sink keeps 100 W more of it."""
    for minute in range(round(hours * 60) + 1):
        now_s = begin_s + 60.0 * minute
        report = stand(A, heat_j=800.0 * now_s, held_j=100.0 * now_s)
        log.sample(now_s, orders(dataclasses.replace(report, **given)))


def test_an_hour_is_what_came_less_what_stayed_less_what_was_lost_above_level_0() -> None:
    log = DemandLog([A, B], weather)
    live(log, 5 * HOUR_S, 3.0)
    told = log.readings(8 * HOUR_S)
    assert told.hours.tolist() == list(range(8)), "a day begins at its midnight"
    assert np.isnan(told.demand_w[0, :5]).all()
    assert told.demand_w[0, 5:] == pytest.approx([650.0] * 3)
    assert np.isnan(told.demand_w[1]).all(), "of this one nothing was heard"
    assert told.outdoor_c[0, 5:] == pytest.approx([5.0, 6.0, 7.0])


@pytest.mark.parametrize("given", [{"below_band": True}, {"heat_j": None}, {"held_j": math.nan}])
def test_hours_below_the_band_or_with_a_silent_instrument_do_not_count(given: dict[str, float]) -> None:
    log = DemandLog([A], weather)
    live(log, 0.0, 2.0, **given)
    assert np.isnan(log.readings(2 * HOUR_S).demand_w).all()


def test_an_hour_that_was_cut_or_whose_meter_fell_does_not_count() -> None:
    log = DemandLog([A], weather)
    live(log, 1800.0, 1.5)  # begins in the middle of hour 0
    assert np.isnan(log.readings(2 * HOUR_S).demand_w[0, 0])
    assert log.readings(2 * HOUR_S).demand_w[0, 1] == pytest.approx(650.0)
    log.sample(3 * HOUR_S, orders(stand(A, heat_j=0.0)))
    assert np.isnan(log.readings(3 * HOUR_S).demand_w[0, 2]), "a new meter"


def test_a_meter_that_was_exchanged_for_one_that_counts_more_leaves_the_hour_unknown() -> None:
    """Given units of 600 W, then 800 W and one count of the meter may be, 4 TJ within an hour may not."""
    log = DemandLog([A, B], weather, power_w=np.array([600.0, 0.0]))
    live(log, 0.0, 2.0)
    assert log.readings(2 * HOUR_S).demand_w[0] == pytest.approx([650.0, 650.0])
    log.sample(3 * HOUR_S, orders(stand(A, heat_j=4e12)))
    assert np.isnan(log.readings(3 * HOUR_S).demand_w[0, 2])
    for minute in range(1, 61):  # the new one counts whole kWh: one more than was given may come within an hour
        log.sample((180 + minute) * 60.0, orders(stand(A, heat_j=4e12 + (3.6e6 if minute == 60 else 0.0))))
    assert log.readings(4 * HOUR_S).demand_w[0, 3] == pytest.approx(1000.0 - 50.0)
    for minute in range(1, 61):
        log.sample((240 + minute) * 60.0, orders(stand(A, heat_j=4e12 + (3.6e6 + 7.2e6 if minute == 60 else 3.6e6))))
    assert np.isnan(log.readings(5 * HOUR_S).demand_w[0, 4]), "two are more than these units and one count explain"


def test_days_that_an_earlier_life_left_months_ago_are_forgotten() -> None:
    """Given a platform that stood still for months, when it begins again, then its table is not months long."""
    log = DemandLog([A], weather)
    live(log, 0.0, 2.0)
    again = DemandLog([A], weather, map(log.documents().get, KEYS))
    now_s = (DAYS + 1) * DAY_S
    again.sample(now_s, orders(stand(A, heat_j=1.0)))
    assert len(again.readings(now_s).hours) == 0
    again = DemandLog([A], weather, [log._packed(0)])
    again.sample(now_s - DAY_S, orders(stand(A, heat_j=1.0)))
    assert len(again.readings(now_s - DAY_S).hours) == DAYS * 24


def test_days_that_cannot_be_packed_now_are_packed_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    log = DemandLog([A], weather)
    live(log, 0.0, 2.0)
    with monkeypatch.context() as fault:
        fault.setattr(log, "_packed", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            log.documents()
    assert list(log.documents()) == [KEYS[0]]


def test_what_is_written_is_read_again_and_only_changed_days_are_written() -> None:
    log = DemandLog([A, B], weather)
    live(log, 22 * HOUR_S, 4.0)  # over midnight
    kept = log.documents()
    assert sorted(kept) == sorted(KEYS[:2])
    assert log.documents() == {}
    again = DemandLog([B, A], weather, map(kept.get, KEYS))  # rows may stand otherwise in another life
    told, before = again.readings(26 * HOUR_S), log.readings(26 * HOUR_S)
    assert told.demand_w[1] == pytest.approx(before.demand_w[0], nan_ok=True, rel=1e-6)
    assert told.outdoor_c == pytest.approx(before.outdoor_c, nan_ok=True)
    alone = DemandLog([B], weather, map(kept.get, KEYS))
    assert np.isnan(alone.readings(26 * HOUR_S).demand_w).all(), "a sink that left is forgotten"


def test_memory_and_documents_are_bounded() -> None:
    log = DemandLog([A], weather)
    keys = set()
    for day in range(2 * DAYS):
        log.sample(day * DAY_S, orders(stand(A, heat_j=1.0)))
        keys |= set(log.documents())
    assert len(log._days) <= DAYS + 1
    assert keys <= set(KEYS)
    assert len(log.readings(2 * DAYS * DAY_S).hours) <= (DAYS + 2) * 24
