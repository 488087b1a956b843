"""`ondol budget`: what you may use in carbon and energy, what is left of it, and every row that tells why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import Column, field, print_json, print_pairs, print_rows
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import UNKNOWN, clock, energy

app = App(name="budget", help="Carbon and energy that your work may use, and what is left of them.")
_PATH = "/budgets/v1"
_PAGE = 5_000


@app.command(name="list")
def list_(
    *,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """List the budgets that your work is under, with what is left until they begin anew.

    Parameters
    ----------
    all_:
        All of the installation, for its operator.
    """
    with open_api(where) as api:
        rows = list(api.get(_PATH, all="true" if all_ else None)["data"])
    columns = (
        field("BUDGET", "id"),
        Column("OF", _holder),
        field("EVERY", "every"),
        Column("LEFT", lambda row: both(row.get("left")), right=True),
        Column("OF TOTAL", lambda row: both(_total(row)), right=True),
        field("ANEW (UTC)", "renews_at", clock),
        field("USED UP", "overrun"),
    )
    empty = "No budgets: nothing limits your work. The operator sets them with 'ondol admin budget set'."
    print_rows(rows, columns, out=out, empty=empty, key="id")


@app.command
def show(budget: str, /, *, out: Out = SHOWN, where: Where = HERE) -> None:
    """Show one budget: what it has, what was used, what is promised to work that is not over.

    Parameters
    ----------
    budget:
        Its id.
    """
    with open_api(where) as api:
        row = dict(api.get(f"{_PATH}/{quote(budget, safe='')}"))
    if out.json:
        print_json(row)
        return
    period = row.get("period") or {}
    pairs = [
        ("budget", row["id"] if row["alias"] == row["id"] else f"{row['alias']} ({row['id']})"),
        ("of", _holder(row)),
        ("every", f"{row['every']}, {row['timezone']}"),
        ("period (UTC)", f"{clock(period.get('start'))} to {clock(period.get('end'))}" if period else "none now"),
        ("has", both(row.get("limit"))),
        ("carried over", both(row.get("carried")) if any((row.get("carried") or {}).values()) else ""),
        ("used", both(row.get("spent"))),
        ("promised", both(row.get("reserved"))),
        ("left", both(row.get("left"))),
        ("begins anew (UTC)", clock(row.get("renews_at"))),
        ("when used up", row["overrun"]),
    ]
    print_pairs(pairs, out)


@app.command
def history(
    budget: str,
    /,
    *,
    task: str = "",
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    limit: int = 100,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Print the rows of a budget, the latest last. What was used is their sum.

    Parameters
    ----------
    budget:
        Its id.
    task:
        Only rows about this task.
    from_:
        Rows booked at or after this time, ISO 8601, platform time.
    to:
        Rows booked before this time.
    limit:
        Only so many of the latest; 0 for all.
    """
    rows: list[dict[str, Any]] = []
    after: int | None = 0
    with open_api(where) as api:
        while after is not None:
            page = api.get(
                f"{_PATH}/{quote(budget, safe='')}/history",
                task=task or None,
                to=to,
                after=str(after),
                limit=str(min(limit or _PAGE, _PAGE)),
                latest="true" if 0 < limit <= _PAGE else None,
                **{"from": from_},
            )
            rows += page["data"]
            rows = rows[-limit:] if limit else rows
            after = page["next_after"]
    columns = (
        field("AT (UTC)", "at", clock),
        field("WHAT", "act"),
        Column("USED", lambda row: _signed(row, "spent"), right=True),
        Column("PROMISED", lambda row: _signed(row, "reserved"), right=True),
        Column("GIVEN", _given, right=True),
        field("TASK", "task"),
        field("WHY", "note"),
    )
    print_rows(rows, columns, out=out, empty="Nothing was booked yet.", key="number")


def both(amount: Mapping[str, Any] | None) -> str:
    """Carbon and energy in one cell; what is not limited is left out."""
    if not amount:
        return UNKNOWN
    grams, kwh = amount.get("co2e_g"), amount.get("energy_kwh")
    return ", ".join([*([] if grams is None else [_carbon(grams)]), *([] if kwh is None else [energy(kwh)])]) or UNKNOWN


def _total(row: Mapping[str, Any]) -> dict[str, float | None]:
    limit, carried = row.get("limit") or {}, row.get("carried") or {}
    return {key: None if value is None else value + (carried.get(key) or 0.0) for key, value in limit.items()}


def _holder(row: Mapping[str, Any]) -> str:
    if row.get("account") and row.get("project"):
        return f"{row['account']} in {row['project']}"
    return str(row.get("account") or row.get("project") or row.get("organization") or UNKNOWN)


def _signed(row: Mapping[str, Any], key: str) -> str:
    return _changed(row[key])


def _given(row: Mapping[str, Any]) -> str:
    given = {key: row["granted"][key] + row["carried"][key] for key in ("co2e_g", "energy_kwh")}
    return _changed(given)


def _changed(amount: Mapping[str, float]) -> str:
    """What a row changes; what it leaves as it is is not told: 0 Wh would read as a limit."""
    told = {key: value or None for key, value in amount.items()}
    return both(told) if any(told.values()) else ""


def _carbon(grams: float) -> str:
    return f"{grams / 1e3:.2f} kgCO2e" if abs(grams) >= 999.5 else f"{grams:.3g} gCO2e"
