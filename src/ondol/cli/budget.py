"""`ondol budget`: what you may use in carbon and energy, what is left of it, and every row that tells why."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import WIDTH, Column, field, print_json, print_pairs, print_rows, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import UNKNOWN, clock, energy
from ondol.model.errors import InvalidFieldError

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
        Column("OF", holder),
        Column("LEFT", _left, right=True, folds=False, lines=True),
        field("ANEW (UTC)", "renews_at", lambda at: clock(at)[:16], folds=False),
    )
    empty = "No budgets: nothing limits your work. The operator sets them with 'ondol admin budget set'."
    print_rows(rows, columns, out=out, empty=empty, key="id", width=WIDTH)


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
        ("of", holder(row)),
        ("every", f"{row['every']}, {row['timezone']}"),
        ("period (UTC)", f"{clock(period.get('start'))} to {clock(period.get('end'))}" if period else "none now"),
        ("has", both(row.get("limit"))),
        ("carried over", both(row.get("carried")) if any((row.get("carried") or {}).values()) else ""),
        ("used", both(row.get("spent"))),
        ("promised", both(row.get("reserved"))),
        ("left", both(row.get("left"))),
        ("begins anew (UTC)", clock(row.get("renews_at"))),
        ("when used up", row["overrun"]),
        ("told at", ", ".join(f"{percent} %" for percent in row["alerts_percent"]) or "never"),
        *(("now", alarm["text"]) for alarm in row["alarms"]),
    ]
    print_pairs(pairs, out, width=WIDTH)


@app.command
def alarms(
    budget: str = "",
    /,
    *,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """List what is told about your budgets: much is used, work is refused, work stands still.

    Parameters
    ----------
    budget:
        Only this one's; its id.
    every:
        Also what is over.
    """
    with open_api(where) as api:
        ids = [budget] if budget else [str(row["id"]) for row in api.get(_PATH)["data"]]
        active = None if every else "true"
        rows = [row for one in ids for row in api.get(f"{_PATH}/{quote(one, safe='')}/alarms", active=active)["data"]]
    rows.sort(key=lambda row: str(row["raised_at"]), reverse=True)
    columns = (
        field("SINCE (UTC)", "raised_at", clock, folds=False),
        Column("WHAT", _told, lines=True),
    )
    print_rows(rows, columns, out=out, empty="Nothing is told about your budgets.", key="id", width=WIDTH)


@app.command
def ack(alarm: str, /, *, out: Out = SHOWN, where: Where = HERE) -> None:
    """Say that you have seen what is told about a budget; it lasts until it is over.

    Parameters
    ----------
    alarm:
        Its id ('ondol budget alarms').
    """
    parts = alarm.split(".")
    budget = parts[1] if len(parts) == 4 else ""  # "budget", its id, what is told, when
    if not budget:
        raise InvalidFieldError("alarm", alarm, "an id that 'ondol budget alarms' shows")
    with open_api(where) as api:
        seen = api.post(f"{_PATH}/{quote(budget, safe='')}/alarms/{quote(alarm, safe='')}/ack")
    if out.json:
        print_json(seen)
        return
    say(f"{seen['id']} seen by {seen['acknowledged_by']}", out)


@app.command
def history(
    budget: str,
    /,
    *,
    task: str = "",
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    limit: int = 100,
    csv: Annotated[bool, Parameter(negative="")] = False,
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
    csv:
        Print all of them as CSV, with every digit.
    """
    if csv:
        with open_api(where) as api:
            path = f"{_PATH}/{quote(budget, safe='')}/history"
            sys.stdout.write(api.data(path, format="csv", task=task or None, to=to, **{"from": from_}).decode())
        return
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
        field("AT (UTC)", "at", clock, folds=False),
        field("WHAT", "act", folds=False),
        Column("HOW MUCH, WHOSE, WHY", _why, lines=True),
    )
    print_rows(rows, columns, out=out, empty="Nothing was booked yet.", key="number", width=WIDTH)


def both(amount: Mapping[str, Any] | None) -> str:
    """Carbon and energy in one cell; what is not limited is left out."""
    if not amount:
        return UNKNOWN
    grams, kwh = amount.get("co2e_g"), amount.get("energy_kwh")
    return ", ".join([*([] if grams is None else [_carbon(grams)]), *([] if kwh is None else [energy(kwh)])]) or UNKNOWN


def of_total(left: Mapping[str, Any], limit: Mapping[str, Any], carried: Mapping[str, Any]) -> str:
    """What is left of what a period has, carbon in one line and energy in another."""
    lines = []
    for key, shown in (("co2e_g", _carbon), ("energy_kwh", energy)):
        if limit.get(key) is not None and left.get(key) is not None:
            part, _, unit = shown(left[key]).partition(" ")
            whole = shown(limit[key] + (carried.get(key) or 0.0))
            lines.append(f"{part} of {whole}" if whole.endswith(f" {unit}") else f"{part} {unit} of {whole}")
    return "\n".join(lines)


def _left(row: Mapping[str, Any]) -> str:
    left = of_total(row.get("left") or {}, row.get("limit") or {}, row.get("carried") or {})
    return "\n".join(filter(None, [left, *map(_word, row.get("alarms") or ())])) or UNKNOWN


def _word(alarm: Mapping[str, Any]) -> str:
    code = str(alarm["code"])
    if code.startswith("budget-used-"):
        percent = code.rpartition("-")[2]
        return "used up" if percent == "100" else f"over {percent} % used"
    return {"budget-refuses": "refuses work", "budget-stops": "work stands still"}.get(code, code)


def holder(row: Mapping[str, Any]) -> str:
    """Whose budget it is."""
    if row.get("account") and row.get("project"):
        return f"{row['account']} in {row['project']}"
    return str(row.get("account") or row.get("project") or row.get("organization") or UNKNOWN)


def _why(row: Mapping[str, Any]) -> str:
    """What a row changes and why, a line for each."""
    given = {key: row["granted"][key] + row["carried"][key] for key in ("co2e_g", "energy_kwh")}
    amounts = (("given", given), ("used", row["spent"]), ("promised", row["reserved"]))
    lines = [f"{word} {_changed(amount)}" for word, amount in amounts if any(amount.values())]
    return "\n".join(filter(None, [*lines, f"task {row['task']}" if row["task"] else "", row["note"]]))


def _told(row: Mapping[str, Any]) -> str:
    """What an alarm says, who has seen it, and its id."""
    lines = [f"{row['severity']}: {row['text']}"]
    if row["cleared_at"]:
        lines.append(f"over since {clock(row['cleared_at'])}")
    if row["acknowledged_by"]:
        lines.append(f"seen by {row['acknowledged_by']}")
    return "\n".join([*lines, row["id"]])


def _changed(amount: Mapping[str, float]) -> str:
    """What a row changes; what it leaves as it is is not told: 0 Wh would read as a limit."""
    return both({key: value or None for key, value in amount.items()})


def _carbon(grams: float) -> str:
    return f"{grams / 1e3:.2f} kgCO2e" if abs(grams) >= 999.5 else f"{grams:.3g} gCO2e"
