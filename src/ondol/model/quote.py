"""Quotes: what a task would take under several options, valid for a while, and what came of those that were taken."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ondol.model.estimate import Estimate
from ondol.model.ids import NO_PROJECT, AccountId, ProjectId, TaskId
from ondol.model.view import ServiceClass

NO_TASK = TaskId("")
NAMES = ("now", "deadline", "heat", "smaller", "slower")
"""At once; by a deadline, when heat is wanted; only on heat; with fewer instances; all of it at less power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLeft:
    """What would be left of a budget after an option's p90.

    Parameters
    ----------
    co2e_g, energy_kwh : None where the budget does not limit it; negative where the option does not fit
    renews_at : begin of the next period, None where there is none
    """

    budget_id: str
    name: str
    co2e_g: float | None
    energy_kwh: float | None
    fits: bool
    renews_at: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How the last tasks of a class, quoted or not, did against the p90 of their end.

    Parameters
    ----------
    tasks : of which it is decided
    kept : of them, those that ended by their p90
    """

    tasks: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way to run a task.

    Parameters
    ----------
    name : one of `NAMES`
    instances : that it would have
    speed_cap : share of full speed that it would take at most
    deadline : that it would have; None for none
    feasible : whether it can be accepted; `why_not` says why it cannot
    estimate : None where nothing can be said
    co2e_low_g : one of ten tasks emits less; the high end is the estimate's p90 [gCO2e]
    price_eur : by the tariff, of the mean run; None where nothing can be said
    tariff_eur : of a core-hour, by the tariff when it was quoted; None where nothing can be said
    record : of its class, None where nothing came yet
    budgets : above the task, with what would be left; empty where there is none
    why : one sentence on what makes it so
    recommended : least carbon among those that are feasible
    """

    name: str
    service: ServiceClass
    instances: int
    deadline: dt.datetime | None = None
    feasible: bool = True
    why_not: str = ""
    estimate: Estimate | None = None
    co2e_low_g: float | None = None
    price_eur: float | None = None
    budgets: tuple[BudgetLeft, ...] = ()
    why: str = ""
    recommended: bool = False
    speed_cap: float = 1.0
    tariff_eur: float | None = None
    record: Record | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an accepted quote.

    Parameters
    ----------
    state : of the task at its end: "Success", "Failure" or "Cancelled", or "Deleted" where it was gone before it was
        looked at; only a success is compared
    start : None where nothing of it ever ran
    energy_kwh, co2e_g : of its share of the nodes with the site's overhead, on the quote's basis
    """

    state: str
    start: dt.datetime | None
    end: dt.datetime
    energy_kwh: float
    co2e_g: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A quote as it was given.

    Parameters
    ----------
    body : of the task as it was sent, JSON
    digest : of what the task would run, by which a task that was submitted without it is matched
    valid_until : platform time
    accepted : name of the option, "" for none
    matched : whether the task was submitted without naming the quote, and has the same body
    task_id : that came of it; the task that an acceptance makes is known beforehand
    outcome : None while it is not over
    """

    id: str
    account_id: AccountId
    project_id: ProjectId = NO_PROJECT
    task_name: str
    body: str
    digest: str
    made_at: dt.datetime
    valid_until: dt.datetime
    options: tuple[Option, ...]
    accepted: str = ""
    accepted_at: dt.datetime | None = None
    matched: bool = False
    task_id: TaskId = NO_TASK
    outcome: Outcome | None = None

    def option(self, name: str) -> Option | None:
        """Give an option by its name, None where it has none of it."""
        return next((one for one in self.options if one.name == name), None)
