"""The desk of statements: rights first; then small ones are made at once, large ones in a process of their own."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

from ondol.accounting.account.statement import Held, Statement
from ondol.control.carbon_ground import CarbonGround
from ondol.control.claim_book import ClaimBook
from ondol.control.host_ports import HostDesk
from ondol.control.mirror_made import Mirror
from ondol.control.statement_more import claims_held
from ondol.control.statement_orders import MirrorOrder, StatementOrder, maker_of
from ondol.control.statement_rows import SMALL_ROWS, ColumnReader, sites_of, task_spans
from ondol.control.statement_subjects import LIVES, Chosen, Subjects
from ondol.control.workbench import Workbench
from ondol.control.workshop import Gone, Workshop
from ondol.model.account import Account
from ondol.model.checks import check_choice
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.report.statement_forms import Form, Paper
from ondol.storage.ports import Store

_WAITS = threading.Event()  # never set: who asks waits until the end


class StatementDesk:
    """Gives whole statements.

    Parameters
    ----------
    hosts : says which sites an account may see
    ground : factors, basis and hardware of the installation
    now : platform time
    claims : registers of who holds which heat; statements say nothing of it without
    clock_rate : platform seconds per wall second: rows count CPU time in the latter
    workshop : where large ones are made; none is made elsewhere without
    """

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        hosts: HostDesk,
        ground: CarbonGround,
        now: Callable[[], dt.datetime],
        claims: ClaimBook | None = None,
        *,
        clock_rate: float = 1.0,
        workshop: Workshop | None = None,
    ) -> None:
        self._store, self._now, self._claims, self._workshop = store, now, claims, workshop
        self._subjects = Subjects(fleet, store, hosts)
        self._bench = Workbench(fleet=fleet, store=store, ground=ground, clock_rate=clock_rate)
        self._maker = maker_of(self._bench)

    def statement(
        self,
        caller: Account,
        kind: str,
        key: str,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
    ) -> Statement:
        """Give the statement of a subject, made at once.

        Parameters
        ----------
        kind, key : as `Subjects.choose`
        start, end : rows that begin in [start, end), platform time; of a task, job or pool all of its rows where both
            are None

        Raises
        ------
        NotFoundError : no such subject for the caller, or no row of it in the window
        InvalidFieldError : an unknown kind; rows that say the impossible
        TooManyRowsError : more rows than are held at once
        """
        chosen = self._subjects.choose(caller, kind, key)
        return self._maker.statement(chosen, start, end, self._held(caller, chosen))

    def paper(
        self,
        caller: Account,
        kind: str,
        key: str,
        start: dt.datetime | None,
        end: dt.datetime | None,
        form: Form,
        gone: Gone = _WAITS,
    ) -> Paper:
        """Give the statement of a subject in a form, made where decisions do not wait for it.

        Parameters
        ----------
        gone : tells that nobody waits for it any more
        kind, key, start, end : as for `statement`

        Raises what `statement` and `Workshop.make` raise, and InvalidFieldError for a window that is still to come.
        """
        chosen = self._subjects.choose(caller, kind, key)
        self._check_past(start)
        made = self._made(
            StatementOrder(chosen=chosen, start=start, end=end, held=self._held(caller, chosen), form=form), gone
        )
        assert isinstance(made, Paper)  # noqa: S101  # what was ordered
        return made

    def mirror(
        self,
        caller: Account,
        kind: str,
        key: str,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        gone: Gone = _WAITS,
    ) -> Mirror:
        """Give the usage mirror of a user or a project.

        Parameters
        ----------
        kind : "user" or "project"; key, start, end, gone and what is raised as for `paper`
        """
        check_choice("kind", kind, ("user", "project"))
        chosen = self._subjects.choose(caller, kind, key)
        self._check_past(start)
        made = self._made(MirrorOrder(chosen=chosen, start=start, end=end), gone)
        assert isinstance(made, Mirror)  # noqa: S101  # what was ordered
        return made

    def _check_past(self, start: dt.datetime | None) -> None:
        now = self._now()
        if start is not None and start >= now:
            raise InvalidFieldError(
                "from", f"{start:%Y-%m-%dT%H:%M:%SZ}", f"before now; platform time is {now:%Y-%m-%dT%H:%M:%SZ}"
            )

    def _made(self, order: StatementOrder | MirrorOrder, gone: Gone) -> object:
        if self._workshop is None or not self._large(order.chosen, order.start, order.end):
            return order.made(self._bench)
        return self._workshop.make(order, gone)

    def _large(self, chosen: Chosen, start: dt.datetime | None, end: dt.datetime | None) -> bool:
        if not isinstance(self._store, ColumnReader):
            return False
        sites = chosen.sites
        if chosen.subject.kind in LIVES and start is None and end is None:
            spans = task_spans(self._store, chosen.tasks or ())
            if not spans:
                return False
            start, end, sites = min(a for a, _ in spans.values()), max(b for _, b in spans.values()), tuple(spans)
        elif chosen.account_id is not None:
            sites = sites_of(self._store, chosen.account_id, start, end)
        return self._store.energy_count(start, end, sites, at_most=SMALL_ROWS + 1) > SMALL_ROWS

    def _held(self, caller: Account, chosen: Chosen) -> tuple[Held, ...] | None:
        if self._claims is None or chosen.sites is None:
            return None
        return claims_held(self._claims, caller, chosen.sites)
