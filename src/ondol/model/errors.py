"""The one error family: every message says what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Callable


class OndolError(Exception):
    """Base of every error that Ondol raises on purpose; they go from one process to another as they are."""

    def __reduce__(self) -> tuple[Callable[..., OndolError], tuple[object, ...]]:
        return _again, (type(self), self.args, dict(self.__dict__))


def _again(kind: type[OndolError], args: tuple[object, ...], fields: dict[str, object]) -> OndolError:
    """Make an error anew whose words are there already."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class InvalidFieldError(OndolError, ValueError):
    """A value outside of what its field allows.

    Parameters
    ----------
    field : where the value stands, e.g. ``"unit[boiler-1].electric_power_max_w"``
    value : the offending value
    allowed : what is allowed, in words
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field} = {value!r} is not allowed; allowed: {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


class NotFoundError(OndolError, LookupError):
    """Something was asked for by an id that nothing has.

    Parameters
    ----------
    kind : what was looked for, e.g. ``"task"``
    key : the id that was given
    """

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"No such {kind}: {key}")
        self.kind = kind
        self.key = key


class ConflictError(OndolError):
    """The state of the world does not permit what was asked."""


class ForbiddenError(OndolError):
    """The caller is known but has no right to what was asked."""


class NotEnoughCreditsError(OndolError):
    """What was asked for must be paid for, and the account or the budget has nothing left."""


class BudgetExceededError(NotEnoughCreditsError):
    """A budget in carbon or energy has too little left for what was asked."""


class TooManyRowsError(OndolError):
    """More was asked for at once than one answer is made of."""


class UnavailableError(OndolError):
    """A part of the platform cannot answer now; the same call may work later."""


class BusyError(UnavailableError):
    """As much as is done at once is under way already.

    Parameters
    ----------
    after_s : when it is worth trying again [s]
    """

    def __init__(self, text: str, after_s: float) -> None:
        super().__init__(text)
        self.after_s = after_s


class OutcomeUnknownError(UnavailableError):
    """The database fell silent while it stored something: whether that took place shows when it answers again."""
