"""Heat meters on bad days: they roll over, are exchanged, run backwards, jump, and say nonsense once."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from ondol.agent.counters import CounterMemory, CounterRules, count_on, counter_alarms
from ondol.model.errors import InvalidFieldError
from ondol.model.points import PointKey, PointReading

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
KEY = PointKey("boiler", "heat_meter")
KWH = 3.6e6
RULES = CounterRules(heat_max_w=6000.0, count_j=0.01 * KWH)


def counted(raws_kwh, *, rules=RULES, memory=None, begin_s=0.0, every_s=60.0):
    """Totals [kWh] of a meter that showed these values, one a minute."""
    totals = []
    for k, raw in enumerate(raws_kwh):
        at = START + dt.timedelta(seconds=begin_s + k * every_s)
        total_j, memory = count_on(memory, PointReading(key=KEY, value=raw * KWH, measured_at=at), rules)
        totals.append(total_j / KWH)
    return totals, memory


def codes(memory, now_s=0.0):
    return [note.code for note in counter_alarms(memory, "boiler", START.timestamp() + now_s)]


def test_a_meter_in_order_counts_as_it_shows():
    totals, memory = counted([100.0, 100.1, 100.2, 100.2, 100.3])
    assert totals == pytest.approx([100.0, 100.1, 100.2, 100.2, 100.3])
    assert codes(memory) == []


def test_a_register_that_is_full_goes_on_at_zero_and_its_end_is_learnt():
    totals, memory = counted([99_999.9, 99_999.97, 0.05, 0.15])
    assert totals[-1] == pytest.approx(100_000.15)
    assert memory.modulus_j == pytest.approx(1e5 * KWH)
    assert codes(memory) == []


def test_a_binary_register_rolls_over_too():
    rules = CounterRules(heat_max_w=6000.0, count_j=1000.0 * 3.6)
    end_kwh = 2.0**16  # 16 bits of kWh
    totals, _ = counted([end_kwh - 0.08, end_kwh - 0.01, 0.04], rules=rules)
    assert totals[-1] == pytest.approx(end_kwh + 0.04)


def test_a_stated_register_is_the_only_one():
    rules = CounterRules(heat_max_w=6000.0, count_j=0.01 * KWH, modulus_j=2e5 * KWH)
    _, memory = counted([99_999.97, 0.05, 0.06, 0.08, 0.1], rules=rules)
    assert memory.total_j == pytest.approx((99_999.97 + 0.05) * KWH)  # taken as exchanged
    assert "meter-exchanged" in codes(memory, 300.0)


def test_an_exchanged_meter_adds_what_it_measured_itself_and_nothing_twice():
    totals, memory = counted([5000.0, 5000.05, 2.0, 2.05, 2.1, 2.15])
    assert totals == pytest.approx([5000.0, 5000.05, 5000.05, 5000.05, 5000.15, 5000.2], abs=0.06)
    assert totals[-1] == pytest.approx(5000.05 + 0.15)
    later = 400.0
    assert codes(memory, later) == ["meter-exchanged"]
    assert codes(memory, later + 90_000.0) == []


def test_a_new_meter_that_stands_still_all_summer_loses_nothing_when_it_wakes():
    totals, _ = counted([5000.0] + [0.0] * 50 + [0.05, 0.1])
    assert totals[-1] == pytest.approx(5000.1)


def test_one_wrong_reading_changes_nothing():
    totals, memory = counted([5000.0, 0.0, 5000.1, 999_999.0, 5000.2])
    assert totals[-1] == pytest.approx(5000.2)
    assert codes(memory) == []


def test_a_meter_that_runs_backwards_is_told_and_not_counted():
    totals, memory = counted([5000.0, 4999.9, 4999.8, 4999.7, 4999.7, 4999.6])
    assert totals == pytest.approx([5000.0] * 6)
    assert codes(memory) == ["meter-backwards"]
    mended, memory = counted([4999.65, 4999.75, 4999.85], memory=memory, begin_s=600.0)
    assert mended[-1] == pytest.approx(5000.2, abs=0.06)
    assert codes(memory, 900.0) == []


def test_a_jump_that_no_unit_could_give_is_refused_and_told():
    totals, memory = counted([5000.0, 9000.0, 9000.05, 9000.1])
    assert totals[:3] == pytest.approx([5000.0] * 3)
    assert totals[-1] == pytest.approx(5000.1)
    (note,) = counter_alarms(memory, "boiler", START.timestamp() + 300.0)
    assert note.code == "meter-jump"
    assert "4000 kWh" in note.text


def test_what_was_given_while_nobody_listened_is_counted():
    _, memory = counted([5000.0])
    totals, _ = counted([5060.0], memory=memory, begin_s=12 * 3600.0)  # 6 kW for half a day are 72 kWh
    assert totals == pytest.approx([5060.0])


def test_a_display_that_hung_catches_up():
    totals, memory = counted([5000.0] * 120 + [5008.0, 5008.1])
    assert totals[-1] == pytest.approx(5008.1)
    assert codes(memory) == []


def test_a_clock_that_was_set_back_loses_nothing():
    _, memory = counted([5000.0, 5000.1])
    totals, _ = counted([5000.2, 5000.3], memory=memory, begin_s=-3600.0)
    assert totals == pytest.approx([5000.2, 5000.3])


def test_the_memory_survives_a_restart_as_json():
    _, memory = counted([5000.0, 2.0, 2.05])
    kept = msgspec.json.decode(msgspec.json.encode(memory), type=CounterMemory)
    assert kept == memory
    there, _ = counted([2.1, 2.15], memory=kept, begin_s=180.0)
    assert there[-1] == pytest.approx(5000.15)


def test_rules_refuse_what_cannot_be():
    with pytest.raises(InvalidFieldError, match=r"counter\.heat_max_w"):
        CounterRules(heat_max_w=float("nan"))
