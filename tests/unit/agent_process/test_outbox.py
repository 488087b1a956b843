"""The outbox: what waits for the server is kept in order, once, within bounds, over any end of the process."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.agent.orders import AlarmNote
from ondol.agent.outbox import Outbox
from ondol.agent.wire import Item, ReadingRow, Told
from ondol.model.alarm import Severity
from ondol.model.errors import UnavailableError
from ondol.model.points import Quality

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
ALARM = AlarmNote(entity_id="room", code="sensor-lost", severity=Severity.FAULT, text="lost")


def reading(k: int) -> Item:
    return Item(number=0, readings=(ReadingRow("room", "temperature", 0, 18.0 + k, k, Quality.GOOD),))


def event() -> Item:
    return Item(number=0, told=Told(at=T0, alarms=(ALARM,)))


def test_items_and_documents_are_there_after_the_end_and_numbers_go_on(tmp_path: Path) -> None:
    first = Outbox(tmp_path / "a.db")
    first.commit([reading(1), reading(2)], {"plan": b"a plan"})
    first.acknowledge(1)
    name = first.id
    first.close()
    second = Outbox(tmp_path / "a.db")
    assert second.id == name
    assert second.document("plan") == b"a plan"
    assert [item.number for item in second.batch()] == [2]
    second.acknowledge(2)
    second.commit([reading(3)])
    assert [item.number for item in second.batch()] == [3], "no number is used twice, also where all were taken"
    second.close()


def test_a_folder_put_back_from_a_backup_gives_no_number_twice(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.db")
    outbox.commit([reading(1)])
    outbox.acknowledge(40)  # the server has more than this copy ever sent
    outbox.commit([reading(2)])
    assert [item.number for item in outbox.batch()] == [41]
    outbox.close()


def test_the_oldest_readings_are_thinned_and_no_alarm_is(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.db", most_bytes=4000)
    outbox.commit([item for k in range(200) for item in (reading(k), event())], now=T0)
    kept = outbox.batch(1 << 30)
    readings = [item.readings[0].at_us for item in kept if item.readings]
    assert sum(item.told is not None for item in kept) == 200
    assert 90 <= len(readings) < 200
    assert readings[-50:] == list(range(150, 200)), "the youngest stay whole"
    assert outbox.thin(T0 + dt.timedelta(days=31)) == len(readings), "after thirty days all readings go"
    assert all(item.told is not None for item in outbox.batch(1 << 30))
    outbox.close()


def test_a_batch_ends_at_its_size_but_has_one_item_at_least(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.db")
    outbox.commit([reading(k) for k in range(10)])
    assert len(outbox.batch(1)) == 1
    assert 1 < len(outbox.batch(200)) < 10
    assert outbox.waiting() == 10
    outbox.close()


def test_what_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.db")
    outbox.commit([reading(1)], {"a": b"1"})
    with pytest.raises(UnavailableError):
        outbox.commit([reading(2)], {"a": None})  # type: ignore[dict-item]
    assert outbox.waiting() == 1
    assert outbox.document("a") == b"1"
    outbox.close()
    with pytest.raises(UnavailableError, match="cannot be used"):
        Outbox(tmp_path / "no" / "folder.db")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=25))
def test_a_server_gets_all_once_and_in_order_whatever_gets_lost(steps: list[tuple[int, bool, bool]]) -> None:
    """Given any order of new items, lost answers and restarts, a server that drops what it has gets each item once."""
    with tempfile.TemporaryDirectory() as folder:
        outbox = Outbox(Path(folder) / "a.db")
        made, got, last = 0, [], 0
        for fresh, answer_lost, restarts in [*steps, (0, False, False)]:
            outbox.commit([reading(made + k) for k in range(fresh)])
            made += fresh
            if restarts:
                outbox.close()
                outbox = Outbox(Path(folder) / "a.db")
            for item in outbox.batch():
                if item.number > last:
                    got.append(item.readings[0].at_us)
                    last = item.number
            if not answer_lost:
                outbox.acknowledge(last)
        assert got == list(range(made))
        assert outbox.waiting() == 0
        outbox.close()
