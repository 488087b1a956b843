"""Large statements are made in processes of their own: the same bytes, the same errors, and nothing left behind."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondol.accounting.account.statement import Subject
from ondol.accounting.kpi_set import KpiSet
from ondol.control.carbon_ground import CarbonGround, carbon_ground
from ondol.control.host_desk import PlatformHosts
from ondol.control.kpi_desk import KpiDesk
from ondol.control.statement_desk import StatementDesk
from ondol.control.statement_orders import StatementOrder
from ondol.control.statement_subjects import Chosen
from ondol.control.workshop import Workshop
from ondol.model.account import Account
from ondol.model.errors import BusyError, NotFoundError, TooManyRowsError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, SiteId
from ondol.storage.ports import Changes
from ondol.storage.sql.store import SqlStore
from unit.accounting import small_ledger as small

BOSS = Account(id=AccountId("boss"), email="me", token_hash="", token_sealed=b"", created_at=small.T0)
WAITS = threading.Event()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ondol.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    made = SqlStore(url)
    made.commit(Changes(ledger=tuple(small.ledger())))
    yield made
    made.close()


def _ground() -> tuple[Fleet, CarbonGround]:
    fleet = small.fleet()
    return fleet, carbon_ground(fleet)


def _desk(store: SqlStore, workshop: Workshop | None) -> StatementDesk:
    fleet, ground = _ground()
    hosts = PlatformHosts(fleet, store, lambda: small.T0)
    return StatementDesk(fleet, store, hosts, ground, lambda: small.T0, workshop=workshop)


def _order(start: dt.datetime | None = None) -> StatementOrder:
    chosen = Chosen(subject=Subject(kind="site", id="north", name="North"), sites=(SiteId("north"),))
    return StatementOrder(chosen=chosen, start=start, end=None, held=None, form="json")


def test_a_large_statement_is_the_one_that_the_platform_would_make(
    url: str, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a statement over more rows than a small one, when it is made elsewhere, then no byte differs."""
    monkeypatch.setattr("ondol.control.statement_desk.SMALL_ROWS", 10)
    here = _desk(store, None).paper(BOSS, "fleet", "", None, None, "json")

    there = _desk(store, Workshop(url, *_ground())).paper(BOSS, "fleet", "", None, None, "json")

    assert there == here
    assert json.loads(there.body)["adds_up"]["residual"] < 1e-9


def test_a_small_statement_needs_no_process(store: SqlStore) -> None:
    """Given few rows, then nobody is asked to make them elsewhere, however busy they are there."""
    made = _desk(store, Workshop("sqlite://", *_ground(), at_once=0)).paper(BOSS, "fleet", "", None, None, "csv")

    assert made.media_type == "text/csv"


def test_rows_are_told_to_be_many_for_every_kind_of_subject(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no place for large statements, then a task, a user and a site with many rows find that."""
    monkeypatch.setattr("ondol.control.statement_desk.SMALL_ROWS", 10)
    busy = _desk(store, Workshop("sqlite://", *_ground(), at_once=0))

    for kind, key in (("fleet", ""), ("site", "north"), ("user", "me")):
        if kind == "user":  # of an account without work there are no rows, which is soon said
            with pytest.raises(NotFoundError):
                busy.paper(BOSS, kind, key, None, None, "json")
            continue
        with pytest.raises(BusyError, match="ask again in 10 s"):
            busy.paper(BOSS, kind, key, None, None, "json")


def test_large_key_figures_are_summed_elsewhere_and_are_the_same(
    url: str, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a window of many rows, then it is summed up in a process, or told to wait, and no figure differs."""
    fleet, ground = _ground()
    rights = PlatformHosts(fleet, store, lambda: small.T0).rights
    begin, end = small.T0 - dt.timedelta(days=1), small.T0 + dt.timedelta(days=1)

    def figures(workshop: Workshop | None) -> KpiSet:
        desk = KpiDesk(fleet, store, rights, ground, now=lambda: small.T0, workshop=workshop)
        return desk.site(BOSS, SiteId("north"), begin, end)

    here = figures(Workshop("sqlite://", *_ground(), at_once=0))
    monkeypatch.setattr("ondol.control.site_sums.SMALL_ROWS", 10)
    there = figures(Workshop(url, *_ground()))

    assert (there.kpis, there.scope_two, there.notes) == (here.kpis, here.scope_two, here.notes)
    assert there.kpi("pue").value is not None
    with pytest.raises(BusyError, match="sums are being made"):
        figures(Workshop("sqlite://", *_ground(), at_once=0))


def test_errors_come_back_as_they_are_and_the_place_is_free_again(tmp_path: Path) -> None:
    """Given one place, when a statement has no row, then that is told, and the next one gets the place."""
    url = f"sqlite:///{tmp_path}/ondol.db"
    SqlStore(url).close()
    workshop = Workshop(url, *_ground(), at_once=1)

    with pytest.raises(NotFoundError, match="nothing ran then"):
        workshop.make(_order(small.T0), WAITS)
    gone = threading.Event()
    gone.set()
    with pytest.raises(UnavailableError, match="Nobody waits"):
        workshop.make(_order(), gone)


def test_what_takes_too_long_is_given_up_with_words_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TooManyRowsError, match="not made within 0 s: ask for a shorter window"):
        Workshop(f"sqlite:///{tmp_path}/ondol.db", *_ground(), limit_s=0.0).make(_order(), WAITS)


def test_a_process_that_dies_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a process that ends without an answer, as one that the kernel killed for its memory, then it is said."""
    monkeypatch.setattr("ondol.control.workshop.sys.executable", "/bin/false")

    with pytest.raises(TooManyRowsError, match="ended before it was made"):
        Workshop(f"sqlite:///{tmp_path}/ondol.db", *_ground()).make(_order(), WAITS)
