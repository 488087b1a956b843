"""Given a signal that is kept hour by hour, then what it foretold is held against what came, and little is kept."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from integration.api.test_signal_api import homes, view
from ondol.control.heat_signal import HeatSignals
from ondol.control.signal_record import HOUR_S, MOST_PLACES, Foretold, SignalRecord
from ondol.model.heat_signal import HeatState, SignalTerms
from ondol.model.view import View
from ondol.policy.signal_score import LEADS_H
from ondol.report.signal_quality import quality_json
from unit.policy.views import NOW_S

WANTED, NEUTRAL = HeatState.WANTED, HeatState.NEUTRAL
FIRST = int(dt.datetime(2026, 1, 12, tzinfo=dt.UTC).timestamp() // HOUR_S)


def told(hour: int, now: HeatState, ahead: HeatState, sure: float | None = 0.9) -> list[Foretold]:
    """A signal of two days: so now, so in all hours after it."""
    return [Foretold(hour + n, ahead if n else now, sure, sure) for n in range(48)]


def test_an_hour_is_compared_when_it_has_come_by_how_long_before_it_was_told() -> None:
    """Given two days that foretell heat wanted, which comes on the first and not on the second, then it is counted."""
    record = SignalRecord()
    for n in range(48):
        record.note((FIRST + n) * HOUR_S + 5.0, {"fr-idf": told(FIRST + n, WANTED if n < 24 else NEUTRAL, WANTED)})
    (near, middle, far), since = record.tallies("fr-idf")
    assert since == "2026-01"
    assert near.compared == sum(48 - lead for lead in LEADS_H if lead < 6)
    assert (near.came, near.foretold_came[0]) == (near.foretold_came[0], sum(24 - lead for lead in LEADS_H if lead < 6))
    assert near.stayed == sum((24 - lead) + (24 - lead) for lead in LEADS_H if lead < 6)
    assert middle.came == sum(24 - lead for lead in LEADS_H if 6 <= lead < 24)
    assert far.came == 0
    shown = quality_json("fr-idf", [near, middle, far], since, record.missed)
    assert shown["leads"][2]["hit_rate"] == 0.0
    assert shown["leads"][0]["states"]["neutral"]["happened"] == near.happened[1] > 0
    assert record.said("fr-idf", 30, WANTED, 0.9) < SignalRecord().said("fr-idf", 30, WANTED, 0.9)


def test_a_restart_changes_nothing() -> None:
    whole, cut = SignalRecord(), SignalRecord()
    for n in range(40):
        signal = {"fr-idf": told(FIRST + n, WANTED, NEUTRAL if n % 3 else WANTED)}
        whole.note((FIRST + n) * HOUR_S, signal)
        cut.note((FIRST + n) * HOUR_S, signal)
        cut = SignalRecord(cut.document())
    assert cut.document() == whole.document()
    assert cut.tallies("fr-idf") == whole.tallies("fr-idf")
    assert cut.said("site/a", 30, WANTED, 0.9) == whole.said("site/a", 30, WANTED, 0.9)


def test_hours_in_which_nobody_looked_are_counted_and_not_guessed() -> None:
    record = SignalRecord()
    record.note(FIRST * HOUR_S, {"a": told(FIRST, WANTED, WANTED)})
    assert not record.due(FIRST * HOUR_S + 900.0)
    assert not record.due((FIRST + 6) * HOUR_S + 2700.0), "the hour is nearly over"
    assert record.due((FIRST + 6) * HOUR_S + 20.0)
    record.note((FIRST + 6) * HOUR_S + 20.0, {"a": told(FIRST + 6, WANTED, WANTED)})
    assert record.missed == 5
    assert [one.compared for one in record.tallies("a")[0]] == [0, 1, 0]


def test_a_clock_that_was_set_back_leaves_no_pair_of_two_lives() -> None:
    record = SignalRecord()
    record.note(FIRST * HOUR_S, {"a": told(FIRST, WANTED, WANTED)})
    for n in (-30, -29):
        record.note((FIRST + n) * HOUR_S, {"a": told(FIRST + n, NEUTRAL, NEUTRAL)})
    record.note((FIRST + 1) * HOUR_S, {"a": told(FIRST + 1, WANTED, WANTED)})
    near, middle, far = record.tallies("a")[0]
    assert (near.compared, middle.compared, far.compared) == (1, 0, 1)
    assert near.foretold == [0, 1, 0]


def test_what_has_no_confidence_is_not_compared() -> None:
    record = SignalRecord()
    for n in range(3):
        record.note((FIRST + n) * HOUR_S, {"a": told(FIRST + n, WANTED, WANTED, None)})
    assert [one.compared for one in record.tallies("a")[0]] == [0, 0, 0]


def test_it_stays_small_however_long_and_however_many() -> None:
    """Given many places and years, then no more places are kept than are followed, and thirteen months of them."""
    record = SignalRecord()
    for n in range(48):
        record.note((FIRST + n) * HOUR_S, {f"a{k}": told(FIRST + n, WANTED, WANTED) for k in range(MOST_PLACES + 20)})
    assert len(record.document()) < 6000 * MOST_PLACES
    assert record.tallies(f"a{MOST_PLACES}")[1] == ""
    alone = SignalRecord()
    for day in range(0, 800, 10):
        for n in range(2):
            hour = FIRST + 24 * day + n
            alone.note(hour * HOUR_S, {"a": told(hour, WANTED, WANTED)})
    assert len(alone.document()) < 12_000
    assert alone.tallies("a")[1] == "2027-03"


class Platform:
    """The signal of four homes; what the loop decided on last is set by tests."""

    def __init__(self) -> None:
        self.view: View = view()
        fleet = dataclasses.replace(homes(), signal=SignalTerms())
        self.signals = HeatSignals(fleet, lambda _site: frozenset(), lambda: self.view)

    def hour(self, number: int, demand_w: float) -> bytes | None:
        begin = NOW_S - NOW_S % HOUR_S + HOUR_S
        self.view = view(begin + number * HOUR_S + 3.0, demand_w)
        return self.signals.note()


def test_the_platform_notes_areas_and_sites_once_an_hour_and_says_what_it_learned() -> None:
    """Given homes whose want of heat is foretold and never comes, then it is counted, and said less surely."""
    platform = Platform()
    assert platform.hour(0, 300.0) is not None
    assert platform.signals.note() is None, "the hour was noted"
    first = platform.signals.of_region("fr-idf", HOUR_S).steps[3]
    for number in range(1, 32):
        kept = platform.hour(number, 0.0 if number % 6 else 300.0)
    near, _, far = platform.signals.quality("fr-idf")[0]
    assert near.compared == 31 + 29 + 27
    assert near.foretold[0] > near.foretold_came[0]
    assert platform.signals.quality("site/h1")[0][0].compared == near.compared
    platform.view = view(platform.view.now_s + 300.0, 300.0)
    later = platform.signals.of_region("fr-idf", HOUR_S).steps[3]
    assert (first.state, later.state) == (WANTED, WANTED)
    assert first.confidence is not None
    assert later.confidence is not None
    assert later.confidence < 0.6 < first.confidence
    assert far.compared > 0
    again = HeatSignals(homes(), lambda _site: frozenset(), lambda: platform.view, kept_record=kept)
    assert again.quality("fr-idf")[0] == platform.signals.quality("fr-idf")[0]


def test_nothing_is_noted_before_the_platform_decided() -> None:
    signals = HeatSignals(homes(), lambda _site: frozenset(), lambda: None)
    assert signals.note() is None


@pytest.mark.parametrize("minute", [31, 59])
def test_late_in_an_hour_nothing_is_noted(minute: int) -> None:
    platform = Platform()
    platform.view = view(NOW_S - NOW_S % HOUR_S + minute * 60.0)
    assert platform.signals.note() is None
