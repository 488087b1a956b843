"""The one error family: every message says what is wrong, where, and what to do."""

from __future__ import annotations


class OndolError(Exception):
    """Base of every error that Ondol raises on purpose."""


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


class UnavailableError(OndolError):
    """A part of the platform cannot answer now; the same call may work later."""


class OutcomeUnknownError(UnavailableError):
    """The database fell silent while it stored something: whether that took place shows when it answers again."""
