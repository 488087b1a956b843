"""Budgets, the rows of their histories and their alarms as the wire has them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from ondol.control.budget_ports import BudgetNow
from ondol.control.ports import Desk
from ondol.model.account import Account
from ondol.model.alarm import Alarm
from ondol.model.budget import Amount, BudgetRow, UseBudget
from ondol.model.ids import ProjectId
from ondol.server.api.times import wire_time

_AMOUNTS = ("granted", "carried", "spent", "reserved")
_SHEET = (
    *("number", "at", "act", "period_start"),
    *(f"{name}_{unit}" for name in _AMOUNTS for unit in ("co2e_g", "energy_kwh")),
    *("warned_percent", "account", "task", "attempt", "window_start", "window_end", "note"),
)


def shown(desk: Desk, now: BudgetNow) -> dict[str, Any]:
    """A budget as the wire has it; what it does not limit is null."""
    budget, balance = now.budget, now.balance
    return {
        "id": budget.id,
        "alias": budget.alias,
        "level": budget.holder.level.value,
        **{name: value or None for name, value in desk.budgets.names(budget.holder).items()},
        "every": budget.every.value,
        "timezone": budget.timezone,
        "start": wire_time(budget.start),
        "end": None if budget.end is None else wire_time(budget.end),
        "carry_over": budget.carry_over,
        "alerts_percent": list(budget.alerts_percent),
        "overrun": budget.overrun.value,
        "archived": budget.archived,
        "limit": {"co2e_g": budget.co2e_g, "energy_kwh": budget.energy_kwh},
        "period": None
        if now.period is None
        else {"start": wire_time(now.period.start), "end": wire_time(now.period.end)},
        "renews_at": None if now.renews_at is None else wire_time(now.renews_at),
        "carried": None if balance is None else _limited(budget, balance.carried),
        "spent": None if balance is None else _amount(balance.spent),
        "reserved": None if balance is None else _amount(balance.reserved),
        "left": None if balance is None else _limited(budget, balance.left),
        "warned_percent": None if balance is None else balance.warned_percent,
        "alarms": [alarm_out(alarm) for alarm in now.alarms],
    }


def alarm_out(alarm: Alarm) -> dict[str, Any]:
    """An alarm about a budget, its severity as a word."""
    return {
        "id": alarm.id,
        "budget": alarm.entity_id,
        "code": alarm.code,
        "severity": alarm.severity.name.lower(),
        "text": alarm.text,
        "raised_at": wire_time(alarm.raised_at),
        "cleared_at": None if alarm.cleared_at is None else wire_time(alarm.cleared_at),
        "acknowledged_at": None if alarm.acknowledged_at is None else wire_time(alarm.acknowledged_at),
        "acknowledged_by": alarm.acknowledged_by or None,
    }


def of_project(desk: Desk, caller: Account, project_id: ProjectId) -> list[dict[str, Any]]:
    """Budgets in carbon and energy of a project as the wire has them."""
    return [shown(desk, one) for one in desk.budgets.of(caller) if one.budget.holder.project_id == project_id]


def row_out(number: int, row: BudgetRow) -> dict[str, Any]:
    """A row of a history; null where it is nobody's in particular."""
    return {
        "number": number,
        "at": wire_time(row.at),
        "act": row.act.value,
        "period_start": wire_time(row.period_start),
        **{name: _amount(getattr(row, name)) for name in ("granted", "carried", "spent", "reserved")},
        "warned_percent": row.warned_percent,
        "account": row.account_id or None,
        "task": row.task_id or None,
        "attempt": row.attempt_id or None,
        "window": None
        if row.window_start is None or row.window_end is None
        else {"start": wire_time(row.window_start), "end": wire_time(row.window_end)},
        "note": row.note,
    }


def _amount(amount: Amount) -> dict[str, float]:
    return {"co2e_g": amount.co2e_g, "energy_kwh": amount.energy_kwh}


def _limited(budget: UseBudget, amount: Amount) -> dict[str, float | None]:
    return {
        "co2e_g": None if budget.co2e_g is None else amount.co2e_g,
        "energy_kwh": None if budget.energy_kwh is None else amount.energy_kwh,
    }


def sheet_out(pages: Iterable[Iterable[tuple[int, BudgetRow]]]) -> Iterator[str]:
    """Rows as CSV, page by page; amounts with all their digits, so that columns sum to balances exactly."""
    yield ",".join(_SHEET) + "\n"
    for page in pages:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for number, row in page:
            window = [None if at is None else wire_time(at) for at in (row.window_start, row.window_end)]
            amounts = [cell for name in _AMOUNTS for cell in _digits(getattr(row, name))]
            head = [number, wire_time(row.at), row.act.value, wire_time(row.period_start)]
            writer.writerow(
                [*head, *amounts, row.warned_percent, row.account_id, row.task_id, row.attempt_id, *window, row.note]
            )
        yield text.getvalue()


def _digits(amount: Amount) -> tuple[str, str]:
    return _places(amount.co2e_ug, 6), _places(amount.energy_uwh, 9)


def _places(whole: int, places: int) -> str:
    """A whole number of small parts as a decimal of the large unit; no digit is lost as in binary fractions."""
    digits = f"{abs(whole):0{places + 1}d}"
    return f"{'-' if whole < 0 else ''}{digits[:-places]}.{digits[-places:]}"
