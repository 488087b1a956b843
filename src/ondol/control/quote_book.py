"""Quotes that were given: kept, accepted once, matched with what was submitted later, and held against what came."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ondol.accounting.quote import Offer, Quality, as_offered, digest_of, overtaken, quality
from ondol.control.estimates import Estimator
from ondol.control.foretelling import J_PER_KWH
from ondol.control.open_quotes import OpenQuotes
from ondol.control.quotes import Quoter
from ondol.control.works import Works
from ondol.lifecycle.work import Change, Work
from ondol.model.checks import check_whole
from ondol.model.compute import Task
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError, OndolError
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, TaskId
from ondol.model.instant import said_utc
from ondol.model.quote import Option, Outcome, Quote
from ondol.model.view import ServiceClass
from ondol.storage.ports import Store

_log = logging.getLogger(__name__)
LABEL, CAP_LABEL = "ondol.quote", "ondol.cap"
VALID = dt.timedelta(minutes=10)
KEPT = dt.timedelta(days=1)  # so long a quote that nobody took is kept after its making
_SPACE = uuid.UUID("6f6e646f-6c20-4875-8f74-657300000008")  # names tasks of accepted quotes
_PATIENCE_S = 20.0  # a request waits so long for another that takes the same quote [s, wall]


class QuoteBook:
    """The desk of quotes. Thread-safe.

    Parameters
    ----------
    quoter : puts options together
    check : raises what is wrong with a task, budgets left out
    as_run : gives a task in the service class in which it would run
    now : platform time
    """

    def __init__(
        self,
        store: Store,
        works: Works,
        fleet: Fleet,
        *,
        estimator: Estimator,
        quoter: Quoter,
        check: Callable[[Task], None],
        now: Callable[[], dt.datetime],
        as_run: Callable[[Task], Task] = lambda task: task,
    ) -> None:
        self._store, self._works, self._estimator, self._quoter = store, works, estimator, quoter
        self._check, self._as_run, self._now = check, as_run, now
        self._pue = {site.id: site.pue for site in fleet.sites}
        self._mutex = threading.Condition()
        self._claimed: set[str] = set()
        self._open = OpenQuotes()
        # Taken, and what came of them is not known: read once, since all that were ever taken stay stored.
        self._unsettled = {quote.id: quote.task_id for quote in store.unsettled_quotes()}
        self._swept = now()
        works.observers.append(self._see)

    # -- giving --

    def give(self, task: Task, body: str) -> Quote:
        """Quote a task; raises what its creation would raise, and then nothing is stored.

        Parameters
        ----------
        body : as it was sent, JSON

        Raises BusyError too, where very many quotes of the account hold already.
        """
        self._open.check_room(task.account_id, self._now())
        self._check(task)
        task = self._as_run(task)
        with self._works.lock:
            options = self._quoter.options(task)
        now = self._now()
        quote = Quote(
            id=str(uuid.uuid4()),
            account_id=task.account_id,
            project_id=task.project_id,
            task_name=task.name,
            body=body,
            digest=digest_of(task),
            made_at=now,
            valid_until=now + VALID,
            options=options,
        )
        self._store.put_quotes([quote])
        self._open.add(quote)
        self._sweep(now)
        return quote

    def get(self, account_id: AccountId, quote_id: str) -> Quote:
        """A quote of an account; raises NotFoundError for those of others."""
        quote = self._store.quote(quote_id)
        if quote is None or quote.account_id != account_id:
            raise NotFoundError("quote", quote_id)
        return self._marked(quote)

    def list(self, account_id: AccountId, limit: int = 100) -> tuple[Quote, ...]:
        """Quotes of an account, the latest first."""
        return self._store.quotes(account_id, limit=limit)

    # -- taking --

    def taken(self, account_id: AccountId, quote_id: str, name: str) -> TaskId | None:
        """The task that this very acceptance made before; None where there was none.

        Raises
        ------
        NotFoundError : no such quote of the account
        ConflictError : another option was accepted
        """
        quote = self.get(account_id, quote_id)
        if not quote.accepted:
            return None
        if quote.accepted != name:
            raise ConflictError(_taken(quote))
        return quote.task_id

    @contextmanager
    def claim(self, account_id: AccountId, quote_id: str, name: str) -> Iterator[tuple[Quote, Option, TaskId]]:
        """Hold a quote while its task is made: others wait for the end of that. Gives it with option and task's id.

        Raises
        ------
        NotFoundError : no such quote of the account
        InvalidFieldError : no such option
        ConflictError : it is no longer valid, cannot be had, was taken, or the plan has changed
        """
        quote = self.get(account_id, quote_id)
        option = quote.option(name)
        if option is None:
            raise InvalidFieldError("option", name, "one of " + ", ".join(one.name for one in quote.options))
        with self._mutex:
            if not self._mutex.wait_for(lambda: quote_id not in self._claimed, _PATIENCE_S):
                raise ConflictError(f"Quote {quote_id} is being taken by another request")
            self._claimed.add(quote_id)
        try:
            self._refuse(self.get(account_id, quote_id), option)
            yield quote, option, task_id_of(quote_id)
        finally:
            with self._mutex:
                self._claimed.discard(quote_id)
                self._mutex.notify_all()

    def check_stands(self, task: Task, option: Option) -> None:
        """Raise ConflictError where the plan has changed so much that an option is not true any more.

        Parameters
        ----------
        task : as it was quoted
        """
        with self._works.lock:
            words = overtaken(option, self._quoter.option(task, Offer.of(option)))
        if words:
            raise ConflictError(f"The plan has changed since this quote: {words}. Ask for a new one")

    def _refuse(self, quote: Quote, option: Option) -> None:
        if quote.accepted:
            raise ConflictError(_taken(quote))
        now = self._now()
        if now > quote.valid_until:
            raise ConflictError(
                f"Quote {quote.id} was valid until {said_utc(quote.valid_until)}, platform time. Ask for a new one"
            )
        if not option.feasible:
            raise ConflictError(f"Option {option.name!r} cannot be had: {option.why_not}")

    def _marked(self, quote: Quote) -> Quote:
        """A quote with its acceptance, which is durable with its task even where nobody could note it here."""
        if quote.accepted:
            return quote
        task = self._store.task(task_id_of(quote.id))
        if task is None or not task.labels.get(LABEL):
            return quote
        marked = _accepted(quote, task)
        self._keep_taken(marked)
        return marked

    # -- what came --

    def quality(
        self, account_id: AccountId | None = None, limit: int = 500, days: int | None = None
    ) -> tuple[Quality, ...]:
        """How good the last quotes that were taken were; of all accounts where none is named.

        Parameters
        ----------
        days : only of quotes that were made in the last so many days, platform time
        """
        check_whole("limit", limit, 1, 1000)
        if days is not None:
            check_whole("days", days, 1, 3660)
        self.settle()
        since = None if days is None else self._now() - dt.timedelta(days=days)
        taken = self._store.quotes(account_id, taken=True, limit=limit)
        return quality(one for one in taken if since is None or one.made_at >= since)

    def of_all_tasks(self) -> dict[str, dict[str, tuple[int, int]]]:
        """By figure and class: of how many tasks, quoted or not, p90 was foretold, and of how many it was kept."""
        with self._works.lock:
            figures = self._estimator.foreteller.figures
            return {name: dict(sorted(figures[name].kept.items())) for name in ("start", "end", "energy", "co2e")}

    def settle(self) -> None:
        """Note what came of quotes whose tasks are over, once the ledger has all of their energy."""
        with self._mutex:
            taken = sorted(self._unsettled.items())
        with self._works.lock:
            over = [quote_id for quote_id, task_id in taken if self._works.get(task_id) is None]
        done: list[Quote] = []
        for quote_id in over:
            quote = self._store.quote(quote_id)
            if quote is None:
                continue
            task = self._store.task(quote.task_id)
            if task is None:  # its user removed it before anybody looked: there is nothing to compare
                gone = Outcome(state="Deleted", start=None, end=self._now(), energy_kwh=0.0, co2e_g=0.0)
                done.append(dataclasses.replace(quote, outcome=gone))
            elif task.state.final:
                done.append(dataclasses.replace(quote, outcome=self._outcome(task)))
        self._store.put_quotes(done)
        with self._mutex:
            for quote in done:
                self._unsettled.pop(quote.id, None)

    def _outcome(self, task: Task) -> Outcome:
        attempts = self._store.attempts(task.id)
        starts = [one.started_at for one in attempts if one.started_at is not None]
        energy_kwh, co2e_g = 0.0, self._estimator.embodied_g(attempts)
        for row in self._store.energy(task_id=task.id):
            kwh = row.energy_j * self._pue.get(row.site_id, 1.0) / J_PER_KWH
            energy_kwh += kwh
            co2e_g += kwh * self._estimator.basis.g_per_kwh(row.site_id, row.grid_g_per_kwh)
        return Outcome(
            state=task.state.value,
            start=min(starts, default=None),
            end=task.ended_at,
            energy_kwh=energy_kwh,
            co2e_g=co2e_g,
        )

    def _see(self, before: Work | None, after: Work, _change: Change) -> None:
        """Mark the quote that a new task came of, named by its label or matched by what it runs."""
        if before is not None or after.task.holds_pool:
            return
        task = after.task
        try:
            label = task.labels.get(LABEL, "")
            if label:
                quote = self._store.quote(label.partition("/")[0])
                mine = quote is not None and quote.account_id == task.account_id
                if quote is not None and mine and quote.task_id in ("", task.id):
                    self._keep_taken(quote if quote.accepted else _accepted(quote, task))
                self._open.forget(label.partition("/")[0])
            elif self._open.of(task.account_id):
                self._match(task)
        except OndolError as error:
            _log.warning("quotes could not be told of task %s: %s", task.id, error)

    def _match(self, task: Task) -> None:
        name = _NAME_OF.get(task.service, "")
        # The latest of equals.
        for quote_id in self._open.alike(task.account_id, digest_of(task), task.created_at)[:1]:
            quote = self._store.quote(quote_id)
            option = None if quote is None else quote.option(name)
            if quote is not None and not quote.task_id and option is not None and _as_offered(task, option):
                self._keep_taken(dataclasses.replace(_accepted(quote, task, name), matched=True))
                self._open.forget(quote_id)

    def _keep_taken(self, quote: Quote) -> None:
        """Store a quote as taken, and remember to look what comes of it."""
        self._store.put_quotes([quote])
        with self._mutex:
            self._unsettled[quote.id] = quote.task_id

    def _sweep(self, now: dt.datetime) -> None:
        """Let go of quotes that nobody took, an hour apart."""
        if abs(now - self._swept) < dt.timedelta(hours=1):
            return
        self._swept = now
        self._store.forget_quotes(now - KEPT)


_NAME_OF = {ServiceClass.ON_DEMAND: "now", ServiceClass.FLEX: "deadline", ServiceClass.HARVEST: "heat"}


def _as_offered(task: Task, option: Option) -> bool:
    """Whether a task that was submitted by itself runs as an option says: what it had been told holds for it."""
    if option.estimate is None:
        return False
    if task.service is not ServiceClass.FLEX:
        return True
    both = task.deadline is not None and option.deadline is not None
    return both and abs(task.deadline - option.deadline) <= VALID  # type: ignore[operator]


def task_id_of(quote_id: str) -> TaskId:
    """Id of the task that a quote becomes, whichever option is taken: there can be only one of it."""
    return TaskId(str(uuid.uuid5(_SPACE, quote_id)))


def quoted_task(task: Task, quote: Quote, option: Option, ranges: Callable[[Iterable[int]], str]) -> Task:
    """Give the task that an option makes of a quote's body, as it was read again.

    Parameters
    ----------
    ranges : writes numbers of instances as the wire does
    """
    offered = as_offered(task, Offer.of(option))
    capped = {CAP_LABEL: f"{option.speed_cap:g}"} if option.speed_cap < 1.0 else {}
    return dataclasses.replace(
        offered,
        id=task_id_of(quote.id),
        labels={**task.labels, **capped, LABEL: f"{quote.id}/{option.name}"},
        advanced_ranges=ranges(offered.instance_numbers) if task.advanced_ranges else "",
    )


def _taken(quote: Quote) -> str:
    return f"Quote {quote.id} was taken as {quote.accepted!r}: task {quote.task_id}. A quote is good for one task"


def _accepted(quote: Quote, task: Task, name: str = "") -> Quote:
    name = name or task.labels.get(LABEL, "").partition("/")[2]
    return dataclasses.replace(quote, accepted=name, accepted_at=task.created_at, task_id=task.id)
