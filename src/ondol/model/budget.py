"""Budgets in carbon and energy, and the rows of which every balance is the sum.

Amounts are whole micrograms and microwatt-hours: sums of any number of them are exact, in any order.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from dataclasses import dataclass

from ondol.model.checks import check_id, check_range, check_text
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import NO_ATTEMPT, NO_PROJECT, AccountId, AttemptId, ProjectId, TaskId
from ondol.model.zones import check_timezone

_UG_PER_G, _UWH_PER_KWH = 1_000_000, 1_000_000_000
_NOBODY, _NO_TASK = AccountId(""), TaskId("")
MOST = 1e9
"""Of g and kWh in one budget: 1e18 µWh, so that what a period has and is carried into it stay below 2^63."""
ALERTS_PERCENT = (80, 100)
"""Of what a period has, at which use is told of where a budget says nothing else."""
_MOST_ALERTS = 5


class Overrun(enum.Enum):
    """What happens when a budget is used up; the words of the compute API's money budgets."""

    ALERT_ONLY = "AlertOnly"
    BLOCK_NEW = "BlockNew"
    STOP_AND_BLOCK_ALL = "StopAndBlockAll"


class Every(enum.Enum):
    """How often a budget begins anew; weeks begin on Monday."""

    ONCE = "once"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Level(enum.Enum):
    """Whose use a budget counts, the widest first."""

    ORGANIZATION = "organization"
    PROJECT = "project"
    MEMBER = "member"  # one account in one project
    ACCOUNT = "account"


class Act(enum.Enum):
    """What a row of a budget's history is about."""

    RENEW = "renew"  # a period begins, or what it has was changed
    RESERVE = "reserve"
    EXTEND = "extend"  # a task needs more than was reserved for it
    CHARGE = "charge"
    REFUND = "refund"
    BONUS = "bonus"
    ALERT = "alert"
    STOP = "stop"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Amount:
    """Carbon and energy together.

    Parameters
    ----------
    co2e_ug : [µgCO2e]
    energy_uwh : [µWh]
    """

    co2e_ug: int = 0
    energy_uwh: int = 0

    @classmethod
    def of(cls, co2e_g: float, energy_kwh: float) -> Amount:
        """Nearest whole amount."""
        return cls(round(co2e_g * _UG_PER_G), round(energy_kwh * _UWH_PER_KWH))

    @property
    def co2e_g(self) -> float:
        """Carbon [gCO2e]."""
        return self.co2e_ug / _UG_PER_G

    @property
    def energy_kwh(self) -> float:
        """Energy [kWh]."""
        return self.energy_uwh / _UWH_PER_KWH

    def __bool__(self) -> bool:
        return bool(self.co2e_ug or self.energy_uwh)

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.co2e_ug + other.co2e_ug, self.energy_uwh + other.energy_uwh)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.co2e_ug - other.co2e_ug, self.energy_uwh - other.energy_uwh)

    def __neg__(self) -> Amount:
        return Amount(-self.co2e_ug, -self.energy_uwh)

    def least(self, other: Amount) -> Amount:
        """The smaller of each."""
        return Amount(min(self.co2e_ug, other.co2e_ug), min(self.energy_uwh, other.energy_uwh))

    def most(self, other: Amount) -> Amount:
        """The larger of each."""
        return Amount(max(self.co2e_ug, other.co2e_ug), max(self.energy_uwh, other.energy_uwh))

    def part(self, share: float) -> Amount:
        """A share of both, to the nearest whole amount."""
        return Amount(round(self.co2e_ug * share), round(self.energy_uwh * share))


NOTHING = Amount()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose budget it is.

    Parameters
    ----------
    organization, project_id, account_id : those that the level needs, the others "" (a member has project and account)
    """

    level: Level
    organization: str = ""
    project_id: ProjectId = NO_PROJECT
    account_id: AccountId = _NOBODY

    def __post_init__(self) -> None:
        given = (bool(self.organization), bool(self.project_id), bool(self.account_id))
        if given != _NEEDS[self.level]:
            names = ("organization", "project", "account")
            needs = " and ".join(name for name, needed in zip(names, _NEEDS[self.level], strict=True) if needed)
            raise InvalidFieldError("budget.holder", self.level.value, f"with {needs} and nothing else")


_NEEDS = {
    Level.ORGANIZATION: (True, False, False),
    Level.PROJECT: (False, True, False),
    Level.MEMBER: (False, True, True),
    Level.ACCOUNT: (False, False, True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UseBudget:
    """Carbon, energy or both that somebody may use in each period.

    Parameters
    ----------
    co2e_g, energy_kwh : per period, 0 to 1e9; None where it is not limited, never both
    every : how often it begins anew
    timezone : IANA zone at whose midnights periods begin and end
    start, end : from when on it counts and when it is over (never where None; needed for `once`), aware
    carry_over : share of what was not used that is added to the next period, 0 to 1
    alerts_percent : of what a period has, at which use is told of; 1 to 200, rising, five at most; none where empty [%]
    archived : the operator removed it; its history stays
    """

    id: str
    holder: Holder
    alias: str
    co2e_g: float | None
    energy_kwh: float | None
    every: Every
    timezone: str
    start: dt.datetime
    end: dt.datetime | None = None
    carry_over: float = 0.0
    alerts_percent: tuple[int, ...] = ALERTS_PERCENT
    overrun: Overrun = Overrun.BLOCK_NEW
    archived: bool = False

    def __post_init__(self) -> None:
        check_id("budget.id", self.id)
        check_text("budget.alias", self.alias)
        if self.co2e_g is None and self.energy_kwh is None:
            raise InvalidFieldError("budget.co2e_g", None, "an amount here or in energy_kwh")
        for name, unit in (("co2e_g", "gCO2e"), ("energy_kwh", "kWh")):
            if getattr(self, name) is not None:
                check_range(f"budget.{name}", getattr(self, name), 0.0, MOST, unit)
        check_range("budget.carry_over", self.carry_over, 0.0, 1.0)
        check_timezone("budget.timezone", self.timezone)
        given = self.alerts_percent
        if len(given) > _MOST_ALERTS or list(given) != sorted(set(given)) or not all(1 <= one <= 200 for one in given):
            allowed = f"at most {_MOST_ALERTS} whole percents, rising, from 1 to 200"
            raise InvalidFieldError("budget.alerts_percent", list(given), allowed)
        for name in ("start", "end"):
            at = getattr(self, name)
            if at is not None and at.tzinfo is None:
                raise InvalidFieldError(f"budget.{name}", at, "a time with its zone")
        if self.every is Every.ONCE and self.end is None:
            raise InvalidFieldError("budget.end", None, "a time after start: a budget that is given once ends")
        if self.end is not None and self.end <= self.start:
            raise InvalidFieldError("budget.end", self.end.isoformat(), f"after start, {self.start.isoformat()}")

    @property
    def limit(self) -> Amount:
        """Of one period; 0 where it is not limited."""
        return Amount.of(self.co2e_g or 0.0, self.energy_kwh or 0.0)

    @property
    def name(self) -> str:
        """How refusals and lists call it."""
        return f"{self.alias} ({self.holder.level.value})"


@dataclass(frozen=True, slots=True)
class Period:
    """One period of a budget, start < end; it is known by its start."""

    start: dt.datetime
    end: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """One line of a budget's history; never changed.

    Parameters
    ----------
    period_start : of the period that it is booked in
    at : when it happened, platform time
    granted, carried, spent, reserved : by how much it changes these of its period
    warned_percent : by how much it raises the highest alert of its period
    account_id, task_id, attempt_id : on whose account, "" where nobody's in particular
    window_start, window_end : of the ledger's rows that it stands for
    note : why, in words
    """

    budget_id: str
    period_start: dt.datetime
    at: dt.datetime
    act: Act
    granted: Amount = NOTHING
    carried: Amount = NOTHING
    spent: Amount = NOTHING
    reserved: Amount = NOTHING
    warned_percent: int = 0
    account_id: AccountId = _NOBODY
    task_id: TaskId = _NO_TASK
    attempt_id: AttemptId = NO_ATTEMPT
    window_start: dt.datetime | None = None
    window_end: dt.datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The sum of a period's rows.

    Parameters
    ----------
    granted : the budget's limit when the period began, with later changes by the operator
    carried : from the period before
    spent : charges less bonuses
    reserved : promised to tasks that are not settled
    warned_percent : highest alert that was given, 0 for none
    """

    budget_id: str
    period_start: dt.datetime
    granted: Amount = NOTHING
    carried: Amount = NOTHING
    spent: Amount = NOTHING
    reserved: Amount = NOTHING
    warned_percent: int = 0

    @property
    def total(self) -> Amount:
        """What the period has."""
        return self.granted + self.carried

    @property
    def unspent(self) -> Amount:
        """What is not used, whatever is promised."""
        return self.total - self.spent

    @property
    def left(self) -> Amount:
        """What may still be promised; negative where more was used or promised than there was."""
        return self.unspent - self.reserved

    def with_row(self, row: BudgetRow, sign: int = 1) -> Balance:
        """With a row, or (`sign` −1) without it again."""
        return dataclasses.replace(
            self,
            granted=self.granted + row.granted if sign > 0 else self.granted - row.granted,
            carried=self.carried + row.carried if sign > 0 else self.carried - row.carried,
            spent=self.spent + row.spent if sign > 0 else self.spent - row.spent,
            reserved=self.reserved + row.reserved if sign > 0 else self.reserved - row.reserved,
            warned_percent=self.warned_percent + sign * row.warned_percent,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TabLine:
    """What a task has of one budget.

    Parameters
    ----------
    period_start : in which its reservation stands
    asked : reserved at acceptance, 0 for a task that was there before the budget or has no end of its own
    reserved : of it, what is not used yet
    charged : all that it used, in any period
    """

    budget_id: str
    period_start: dt.datetime
    asked: Amount = NOTHING
    reserved: Amount = NOTHING
    charged: Amount = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """An unsettled task under budgets.

    Parameters
    ----------
    project_id : that it is booked on, "" for none
    service : name of its service class
    pooled : it holds a slot of a compute pool, or runs in one
    ran_s : length of the ledger's windows in which it used energy, from when it could run [s]
    idle_s : since its submission, for how long other tasks or a budget kept it from running [s]
    at_once_ug : what the same electricity would have emitted had it begun as soon as it could [µgCO2e]
    saved_ug : of it, what was saved; below 0 where waiting made it worse [µgCO2e]
    rest_co2e_ug, rest_energy_uwh : what it used and the charges, being whole, do not have yet; at most a half
    outcome : final state of the task, "" while it is not over
    """

    task_id: TaskId
    account_id: AccountId
    service: str
    submitted_at: dt.datetime
    project_id: ProjectId = NO_PROJECT
    pooled: bool = False
    lines: tuple[TabLine, ...] = ()
    ran_s: float = 0.0
    idle_s: float = 0.0
    at_once_ug: int = 0
    saved_ug: int = 0
    rest_co2e_ug: float = 0.0
    rest_energy_uwh: float = 0.0
    outcome: str = ""
