"""What budgets permit, how use is charged to them, and what of a saving is given back. All amounts are whole."""

from __future__ import annotations

import dataclasses
import datetime as dt

from ondol.accounting.budget_periods import periods_of, split
from ondol.model.budget import MOST, NOTHING, Act, Amount, Balance, BudgetRow, Tab, TabLine, UseBudget
from ondol.model.checks import check_range
from ondol.model.compute import TaskState
from ondol.model.ids import NO_ATTEMPT, AttemptId

BONUS_SHARE = 0.5
"""Of what waiting saved, the part that the account gets back where the installation says nothing else."""
MOST_CARRIED = Amount.of(MOST, MOST)
_DONE = TaskState.SUCCESS.value
_EXTENSION = 0.1  # of what was asked at first: a task that needs more is given it in such steps


def lacking(budget: UseBudget, balance: Balance, asked: Amount) -> tuple[str, ...]:
    """Say what of a budget is too little for what is asked, in words; nothing where it fits.

    A budget with nothing left takes nothing any more, however little is asked.
    """
    left, words = balance.left, []
    if budget.co2e_g is not None and (left.co2e_ug <= 0 or asked.co2e_ug > left.co2e_ug):
        words.append(f"{_shown(left.co2e_g)} of {_shown(balance.total.co2e_g)} gCO2e left, {asked.co2e_g:.4g} asked")
    if budget.energy_kwh is not None and (left.energy_uwh <= 0 or asked.energy_uwh > left.energy_uwh):
        total = balance.total.energy_kwh
        words.append(f"{_shown(left.energy_kwh)} of {_shown(total)} kWh left, {asked.energy_kwh:.4g} asked")
    return tuple(words)


def used_up(budget: UseBudget, balance: Balance) -> bool:
    """Whether as much was used as there is, whatever is promised."""
    unspent = balance.unspent
    return (budget.co2e_g is not None and unspent.co2e_ug <= 0) or (
        budget.energy_kwh is not None and unspent.energy_uwh <= 0
    )


def overdrawn(budget: UseBudget, balance: Balance) -> bool:
    """Whether more was used and promised than there is: what goes on without a promise takes it from others'."""
    left = balance.left
    return (budget.co2e_g is not None and left.co2e_ug < 0) or (budget.energy_kwh is not None and left.energy_uwh < 0)


def due_alert(budget: UseBudget, balance: Balance) -> int:
    """Highest of a budget's `alerts_percent` that the use of a period has reached, 0 for none [%]."""
    spent, total = balance.spent, balance.total
    axes = []
    if budget.co2e_g is not None:
        axes.append((spent.co2e_ug, total.co2e_ug))
    if budget.energy_kwh is not None:
        axes.append((spent.energy_uwh, total.energy_uwh))
    told = budget.alerts_percent
    reached = [percent for percent in told for used, whole in axes if used and 100 * used >= percent * whole]
    return max(reached, default=0)


def carried(budget: UseBudget, before: Balance) -> Amount:
    """What a period leaves to the next one: a share of what was not used, never a debt.

    At most what a budget may have in a period (1e9 g, 1e9 kWh): summed up day after day, a large one that nobody uses
    would come to more than a store can hold.
    """
    return before.unspent.most(NOTHING).part(budget.carry_over).least(MOST_CARRIED)


def charge(
    budget: UseBudget,
    tab: Tab,
    line: TabLine,
    used: Amount,
    start: dt.datetime,
    end: dt.datetime,
    attempt_id: AttemptId = NO_ATTEMPT,
) -> tuple[list[BudgetRow], TabLine]:
    """Charge what a task used in a window to the periods that the window lies in, by time.

    What was reserved for the task shrinks by what it used; where that is not enough it is extended first, so that what
    others may still promise themselves goes down as soon as a task needs more than was thought.

    Parameters
    ----------
    line : of the task at this budget
    used : in the whole window, ≥ 0
    attempt_id : where only one was at work

    Returns
    -------
    rows to be booked; the line after them
    """
    shares = list(periods_of(budget, start, end))
    parts = split(used, [share for _, share in shares])
    total = sum(parts, NOTHING)
    what = _Rows(budget.id, tab, start, end, attempt_id)
    short = (total - line.reserved).most(NOTHING)
    if line.asked and short:
        step = line.asked.part(_EXTENSION)
        more = Amount(
            max(short.co2e_ug, step.co2e_ug) if short.co2e_ug else 0,
            max(short.energy_uwh, step.energy_uwh) if short.energy_uwh else 0,
        )
        what.add(line.period_start, Act.EXTEND, reserved=more, note="it needs more than was reserved for it")
        line = dataclasses.replace(line, reserved=line.reserved + more)
    for (period, _), part in zip(shares, parts, strict=True):
        if not part:
            continue
        taken = part.least(line.reserved)
        here = period.start == line.period_start
        what.add(period.start, Act.CHARGE, spent=part, reserved=-taken if here else NOTHING)
        if taken and not here:
            what.add(line.period_start, Act.REFUND, reserved=-taken, note="charged to the period in which it was used")
        line = dataclasses.replace(line, reserved=line.reserved - taken, charged=line.charged + part)
    return what.rows, line


def whole_amount(tab: Tab, co2e_g: float, energy_kwh: float) -> tuple[Amount, Tab]:
    """Whole amount to be charged for a use, with what rounding left of the charges before.

    So all charges of a task together differ from its use by half a microgram and half a microwatt-hour at most, however
    many windows it ran in.

    Parameters
    ----------
    co2e_g, energy_kwh : used, ≥ 0

    Returns
    -------
    the amount; the tab with what is left over now
    """
    grams, energy = co2e_g * 1e6 + tab.rest_co2e_ug, energy_kwh * 1e9 + tab.rest_energy_uwh
    amount = Amount(max(0, round(grams)), max(0, round(energy)))
    after = dataclasses.replace(tab, rest_co2e_ug=grams - amount.co2e_ug, rest_energy_uwh=energy - amount.energy_uwh)
    return amount, after


def saving_ug(energy_uwh: int, at_once_g_per_kwh: float, ran_g_per_kwh: float) -> int:
    """Carbon that running later saved against running at once, below 0 where it made it worse [µgCO2e].

    E · (c_at_once − c_ran), both intensities on the same basis and for the same site.
    """
    return round(energy_uwh * (at_once_g_per_kwh - ran_g_per_kwh) * 1e-3)


def bonus_ug(share: float, tab: Tab, line: TabLine) -> int:
    """What is given back of a saving: a share of it, never more than the task was charged, never below 0 [µgCO2e].

    Work that starts at once has nothing to save by waiting, and slots of a pool are held for what comes: they get none.
    Nor does what was cancelled or failed: it was for nothing in whatever hour it ran. A budget that was charged a part
    of the task, as one that was set or ended while it ran, gives back that part.

    Parameters
    ----------
    share : of the saving, 0 to 1
    """
    check_range("bonus_share", share, 0.0, 1.0)
    if tab.outcome != _DONE or tab.service == "on_demand" or (tab.pooled and not line.asked):
        return 0
    charged_ug = line.charged.co2e_ug
    most_ug = max([charged_ug, *(one.charged.co2e_ug for one in tab.lines)])
    return max(0, min(round(share * tab.saved_ug * charged_ug / most_ug), charged_ug)) if most_ug else 0


class _Rows:
    """Rows about one window of one task."""

    def __init__(self, budget_id: str, tab: Tab, start: dt.datetime, end: dt.datetime, attempt_id: AttemptId) -> None:
        self._budget_id, self._tab, self._attempt_id = budget_id, tab, attempt_id
        self._start, self._end = start, end
        self.rows: list[BudgetRow] = []

    def add(
        self,
        period_start: dt.datetime,
        act: Act,
        *,
        spent: Amount = NOTHING,
        reserved: Amount = NOTHING,
        note: str = "",
    ) -> None:
        self.rows.append(
            BudgetRow(
                budget_id=self._budget_id,
                period_start=period_start,
                at=self._end,
                act=act,
                spent=spent,
                reserved=reserved,
                account_id=self._tab.account_id,
                task_id=self._tab.task_id,
                attempt_id=self._attempt_id,
                window_start=self._start,
                window_end=self._end,
                note=note,
            )
        )


def _shown(amount: float) -> str:
    return f"{amount:.4g}" if amount else "0"
