"""Tasks that come of quotes: by the route that accepts, or by the label `ondol.quote` at creation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ondol.accounting.quote import digest_of
from ondol.control.ports import Desk
from ondol.control.quote_book import LABEL, quoted_task
from ondol.model.compute import Task
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.model.quote import Option, Quote
from ondol.server.api.ranges import write_ranges

WITHOUT = f"A task that was copied from another has its label: leave {LABEL} out to submit it without a quote"
"""What to do with a label that cannot be taken."""


def taken_task(desk: Desk, task: Task, quote: Quote, option: Option) -> Task:
    """Give the task that an option makes of the quoted body; raises ConflictError where the plan has changed."""
    desk.quotes.check_stands(task, option)
    return quoted_task(task, quote, option, lambda numbers: write_ranges(list(numbers)))


@contextmanager
def as_quoted(desk: Desk, task: Task) -> Iterator[Task]:
    """Give a task that names a quote as the quote has it, and hold the quote meanwhile; any other task as it is.

    Raises
    ------
    InvalidFieldError : a label that names no quote's option, or a quote of another task
    ConflictError : as of `QuoteBook.claim`
    """
    label = task.labels.get(LABEL)
    if label is None:
        yield task
        return
    quote_id, _, name = label.partition("/")
    if not quote_id or not name:
        raise InvalidFieldError(f"labels.{LABEL}", label, f"ID/OPTION of a quote of yours. {WITHOUT}")
    with ExitStack() as held:
        try:
            quote, option, _ = held.enter_context(desk.quotes.claim(task.account_id, quote_id, name))
            if digest_of(task) != quote.digest:
                allowed = f"a quote of this very task: what changes its run or results must be as quoted. {WITHOUT}"
                raise InvalidFieldError(f"labels.{LABEL}", label, allowed)
            taken = taken_task(desk, task, quote, option)
        except NotFoundError as error:
            raise InvalidFieldError(f"labels.{LABEL}", label, f"a quote of yours. {WITHOUT}") from error
        except ConflictError as error:
            raise ConflictError(f"{error}. {WITHOUT}") from error
        yield taken
