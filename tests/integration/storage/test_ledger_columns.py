"""Columns that SQL gives are those of the rows; statements of a site with a meter are settled by it."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest

from ondol.accounting.account.columns import energy_columns, heat_columns
from ondol.control.carbon_ground import carbon_ground
from ondol.control.host_desk import PlatformHosts
from ondol.control.statement_desk import StatementDesk
from ondol.control.statement_rows import ColumnReader
from ondol.model.account import Account
from ondol.model.errors import TooManyRowsError
from ondol.model.ids import AccountId, SiteId, TaskId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, Metered, MeterRow
from ondol.storage.ports import Changes, Store
from unit.accounting import small_ledger as small

BOSS = Account(id=AccountId("boss"), email="me", token_hash="", token_sealed=b"", created_at=small.T0)


def _desk(store: Store) -> StatementDesk:
    fleet = small.fleet()
    hosts = PlatformHosts(fleet, store, lambda: small.T0)
    return StatementDesk(fleet, store, hosts, carbon_ground(fleet), lambda: small.T0 + dt.timedelta(days=1))


@pytest.fixture
def rows(store: Store) -> list[LedgerRow]:
    made = small.ledger()
    store.commit(Changes(ledger=tuple(made)))
    return made


def test_columns_are_those_of_the_rows(store: Store, rows: list[LedgerRow]) -> None:
    """Given a ledger in SQL, when a span of a site is read as columns, then no number and no name differs."""
    if not isinstance(store, ColumnReader):  # a store in memory gives rows: nothing to compare
        return
    start, end = small.T0 + 3 * small.WINDOW, small.T0 + 9 * small.WINDOW
    span = [row for row in rows if start <= row.start < end and row.site_id == "north"]
    wanted = energy_columns(row for row in span if isinstance(row, EnergyRow))
    warm = heat_columns(row for row in span if isinstance(row, HeatRow))

    found = store.energy_columns(start=start, end=end, site_ids=[SiteId("north")], most=1000)
    heat = store.heat_columns(start=start, end=end, site_ids=[SiteId("north")])

    assert found is not None
    for name in wanted.__slots__:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)
    for name in warm.__slots__:
        np.testing.assert_array_equal(getattr(heat, name), getattr(warm, name), err_msg=name)
    assert store.energy_columns(start=None, end=None, site_ids=None, most=10) is None
    assert store.sites_of(small.ALICE, start, end) == ("north", "south")
    assert store.sites_of(AccountId("nobody"), start, end) == ()
    empty = store.energy_columns(start=end, end=end, site_ids=None, most=10)
    assert empty is not None
    assert len(empty) == 0


def test_statement_is_the_same_from_any_store(store: Store, rows: list[LedgerRow]) -> None:
    made = _desk(store).statement(BOSS, "fleet", "")

    assert made.value("energy", "total_kwh") == pytest.approx(
        small.statement("fleet", "all", rows).value("energy", "total_kwh"), rel=1e-12
    )
    assert made.residual < 1e-9


def test_rows_of_a_quarter_of_an_hour_may_come_as_one_without_changing_a_statement(
    store: Store, rows: list[LedgerRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given more rows than are read one by one, and one of them over three hours, then every figure stays."""
    if not isinstance(store, ColumnReader):  # a store in memory gives rows: nothing to compare
        return
    last = max(row.end for row in rows)
    long = next(row for row in rows if isinstance(row, EnergyRow) and row.node_id == "south-1")
    store.commit(Changes(ledger=(dataclasses.replace(long, start=last, end=last + dt.timedelta(hours=3)),)))
    one_by_one = {kind: _desk(store).statement(BOSS, kind, key) for kind, key in (("fleet", ""), ("site", "north"))}
    monkeypatch.setattr("ondol.storage.sql.ledger_columns.MERGED_FROM", 10)

    found = store.energy_columns(start=None, end=None, site_ids=None, most=10_000)
    assert found is not None
    assert len(found) < len([row for row in rows if isinstance(row, EnergyRow)])
    for kind, plain in one_by_one.items():
        made = _desk(store).statement(BOSS, kind, plain.subject.id)
        for section in plain.sections:
            for figure in section.figures:
                found_value = made.value(section.key, figure.key)
                assert (found_value is None) == (figure.value is None), figure.key
                assert (found_value or 0.0) == pytest.approx(figure.value or 0.0, rel=1e-9), figure.key
        assert made.window == plain.window
        for view, other in zip(made.views, plain.views, strict=True):
            assert (view.job_g or 0.0) == pytest.approx(other.job_g or 0.0, rel=1e-9), view.method


def test_meter_settles_the_sum_of_its_site_and_the_residual_is_printed(store: Store, rows: list[LedgerRow]) -> None:
    """Given a meter that counted 20 % more than the models, then the site's energy is the meter's; its ledger stays."""
    north = sum(row.energy_j for row in rows if isinstance(row, EnergyRow) and row.site_id == "north")
    end = max(row.end for row in rows)
    meter = MeterRow(
        site_id=SiteId("north"), meter_id="north.electric_energy", kind=Metered.ELECTRICITY_J, start=small.T0, end=end,
        amount=1.2 * north,
    )  # fmt: skip
    desk = _desk(store)
    before = desk.statement(BOSS, "site", "north")
    store.commit(Changes(facts=(meter,)))

    made = desk.statement(BOSS, "site", "north")

    assert made.value("energy", "total_kwh") == pytest.approx(1.2 * north / 3.6e6, rel=1e-9)
    assert made.value("meters", "north.residual_raw") == pytest.approx(1 / 1.2 - 1)
    assert abs(made.value("meters", "north.residual_after") or 0.0) < 1e-9
    assert before.value("meters", "north.metered_kwh") is None
    assert {one.cause for one in before.drivers} > {one.cause for one in made.drivers}, "the meter takes a cause away"
    assert sum(row.energy_j for row in store.energy(site_id=SiteId("north"))) == pytest.approx(north)


def test_bins_are_read_some_at_a_time_and_none_is_lost_or_read_twice(
    store: Store, rows: list[LedgerRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a window that begins and ends inside of a bin, when bins are read a few at a time, then all are there."""
    if not isinstance(store, ColumnReader):  # a store in memory gives rows: nothing to compare
        return
    start, end = small.T0 + small.WINDOW, small.T0 + 20 * small.WINDOW
    plain = store.energy_columns(start=start, end=end, site_ids=[SiteId("north")], most=1000)
    monkeypatch.setattr("ondol.storage.sql.ledger_columns.MERGED_FROM", 0)
    monkeypatch.setattr("ondol.storage.sql.ledger_columns._TOGETHER", 3)

    merged = store.energy_columns(start=start, end=end, site_ids=[SiteId("north")], most=1000)

    assert plain is not None
    assert merged is not None
    assert len(merged) <= len(plain)
    assert merged.energy_j.sum() == pytest.approx(plain.energy_j.sum(), rel=1e-12)
    assert merged.start_s.min() == plain.start_s.min()
    assert merged.end_s.max() == plain.end_s.max()
    assert (np.diff(merged.start_s) >= 0.0).all()


def test_where_and_when_tasks_ran_and_how_many_rows_there_are(store: Store, rows: list[LedgerRow]) -> None:
    if not isinstance(store, ColumnReader):  # a store in memory gives rows: nothing to compare
        return
    own = [row for row in rows if isinstance(row, EnergyRow) and row.task_id in ("a-one", "b-one")]

    spans = store.task_spans([TaskId("a-one"), TaskId("b-one"), TaskId("nobody's")])

    assert spans == {
        site: (min(row.start for row in own if row.site_id == site), max(row.end for row in own if row.site_id == site))
        for site in ("north", "south")
    }
    in_all = sum(isinstance(row, EnergyRow) for row in rows)
    assert store.energy_count(None, None, None, at_most=10_000) == in_all
    assert store.energy_count(None, None, None, at_most=7) == 7
    assert store.energy_count(small.T0, small.T0 + small.WINDOW, [SiteId("south")], at_most=100) == sum(
        isinstance(row, EnergyRow) and row.site_id == "south" and row.start == small.T0 for row in rows
    )


def test_more_rows_than_are_held_at_once_are_refused(
    store: Store, rows: list[LedgerRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ondol.control.statement_rows.MOST_ROWS", 10)

    with pytest.raises(TooManyRowsError, match="for half of it or less at a time"):
        _desk(store).statement(BOSS, "fleet", "")


def test_site_that_left_the_fleet_keeps_its_rows_out_of_what_is_asked(store: Store, rows: list[LedgerRow]) -> None:
    """Given rows of a site that is no more in the fleet file, then the statements of the others stand."""
    gone = tuple(
        dataclasses.replace(row, site_id=SiteId("gone")) for row in rows if isinstance(row, EnergyRow) and row.node_id
    )
    store.commit(Changes(ledger=gone))

    assert _desk(store).statement(BOSS, "site", "north").value("inventory", "total_g")
