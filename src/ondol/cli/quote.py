"""`ondol quote`: what a task would take under several options, before it is submitted; take one; how good they were."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from cyclopts import App, Group, Parameter

from ondol.cli.budget import both
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.creation import HARDWARE, PLACE, WORK, Hardware, Place, Work, said
from ondol.cli.creation_file import read_bodies
from ondol.cli.listing import WIDTH, Column, field, note, print_json, print_rows, print_text, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import Several, WrongUsageError, several
from ondol.cli.task_create import body_of
from ondol.cli.wording import UNKNOWN, clock
from ondol.model.errors import InvalidFieldError

app = App(name="quote", help="What a task would take: now, by a deadline, on heat, smaller, slower.")
_GROUPS = Group("What", sort_key=10), Group("Where and when", sort_key=15)
_WHAT, _WHEN = _GROUPS


@app.default
def quote(
    *,
    name: Annotated[str | None, Parameter(name=("--name", "-n"), group=_WHAT)] = None,
    command: Annotated[str | None, Parameter(allow_leading_hyphen=True, group=_WHAT)] = None,
    instances: Annotated[int | None, Parameter(name=("--instances", "--instance", "-i"), group=_WHAT)] = None,
    ranges: Annotated[str | None, Parameter(name="--range", group=_WHAT)] = None,
    work: Work = WORK,
    result: Annotated[str | None, Parameter(group=_WHAT)] = None,
    job: Annotated[str | None, Parameter(group=_WHEN)] = None,
    pool: Annotated[str | None, Parameter(group=_WHEN)] = None,
    depends_on: Annotated[
        Several,
        several(
            "Tasks of the same job that must be over before, each as ID or ID:Success,Failure,Cancelled.",
            "--depends-on",
            "--dependents",
            "-d",
        ),
        Parameter(group=_WHEN),
    ] = None,
    place: Place = PLACE,
    deadline: Annotated[str | None, Parameter(allow_leading_hyphen=True, group=_WHEN)] = None,
    expected: Annotated[str | None, Parameter(group=_WHEN)] = None,
    cap: Annotated[float | None, Parameter(group=_WHEN)] = None,
    time_limit: Annotated[str | None, Parameter(group=_WHEN)] = None,
    hardware: Hardware = HARDWARE,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Quote a task and submit nothing; takes what 'ondol task create' takes.

    Parameters
    ----------
    name:
        What you call it.
    command:
        Command that each instance runs.
    instances:
        How many instances, numbered from 0. [default: 1]
    ranges:
        Which instances, e.g. 0-2,4-5,17, in place of --instances.
    result:
        BUCKET or BUCKET/PREFIX for what the job leaves in its folder.
    job:
        Job that it belongs to.
    pool:
        Pool whose slots it runs in.
    deadline:
        By when it wants to be done as flex work, e.g. +12h on the platform's clock. [default: in 24 hours]
    expected:
        How long an instance is expected to run at full speed: 15min, 2h. It makes quotes much sharper.
    cap:
        Share of its slots' full speed that it takes at most, 0.1 to 1.
    time_limit:
        An attempt is ended after so long, wall time: 2h.
    """
    options = said(
        work, place, hardware,
        name=name, command=command, instances=instances, range=ranges, result=result, job=job, pool=pool,
        depends_on=depends_on, deadline=deadline, expected=expected, cap=cap, time_limit=time_limit,
    )  # fmt: skip
    files: list[dict[str, Any]] = [{}] if work.file is None else read_bodies(work.file)
    if name is None and work.file is None:
        raise WrongUsageError("Parameter --name is required, or a --file ('ondol quote --help' shows how)")
    if len(files) != 1:
        raise InvalidFieldError("--file", len(files), "one task: a quote is of one body")
    with open_api(where) as api:
        _show(api.post("/quotes/v1", body_of(api, options, files[0])), out)


@app.command
def show(quote_id: str, /, *, out: Out = SHOWN, where: Where = HERE) -> None:
    """Show a quote of yours again, and what came of it.

    Parameters
    ----------
    quote_id:
        Id of the quote.
    """
    with open_api(where) as api:
        _show(api.get(f"/quotes/v1/{quote_id}"), out)


@app.command
def accept(quote_id: str, option: str, /, *, out: Out = SHOWN, where: Where = HERE) -> None:
    """Take an option of a quote: its task is submitted; prints the task's id.

    Parameters
    ----------
    quote_id:
        Id of the quote.
    option:
        now, deadline, heat, smaller or slower.
    """
    with open_api(where) as api:
        made = api.post(f"/quotes/v1/{quote_id}/accept", {"option": option})
    if out.json:
        print_json(made)
    else:
        print_text(str(made["uuid"]))


@app.command(name="list")
def list_(*, last: int = 20, out: Out = SHOWN, where: Where = HERE) -> None:
    """List your quotes, the latest first.

    Parameters
    ----------
    last:
        Only so many.
    """
    with open_api(where) as api:
        rows = api.get("/quotes/v1", limit=last)
    columns = (
        Column("TASK, QUOTE", lambda row: f"{row['task_name']}\n{row['id']}", lines=True),
        Column(
            "MADE, UNTIL (UTC)",
            lambda row: "\n".join(clock(row[key])[:16] for key in ("made_at", "valid_until")),
            lines=True,
            folds=False,
        ),
        field("TAKEN AS", "accepted", lambda value: str(value or UNKNOWN), folds=False),
        field("CAME TO", "outcome.state", lambda value: str(value or UNKNOWN)),
    )
    print_rows(rows, columns, out=out, empty="No quotes yet: 'ondol quote --name …' gives one.", key="id", width=WIDTH)


@app.command
def quality(
    *,
    last: int = 500,
    days: int | None = None,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show how good quotes were: how often p90 was kept (9 of 10 is right), how far p50 was off.

    Parameters
    ----------
    last:
        Of so many quotes that were taken.
    days:
        And of the last so many days only.
    every:
        Of all accounts; for the operator.
    """
    with open_api(where) as api:
        told = api.get(
            "/quotes/v1/quality",
            last=last,
            **({"all": "true"} if every else {}),
            **({} if days is None else {"days": days}),
        )
    if out.json:
        print_json(told)
        return
    columns = (
        field("OPTION", "option"),
        field("FIGURE", "figure"),
        field("TASKS", "tasks", right=True),
        field("P50 KEPT", "p50_kept", _percent, right=True),
        field("P90 KEPT", "p90_kept", _percent, right=True),
        Column("OF 95 %", lambda row: f"{100 * row['p90_low']:.0f}–{100 * row['p90_high']:.0f} %", right=True),
        field("MEDIAN ERROR", "median_error", _percent, right=True),
    )
    print_rows(told["quotes"], columns, out=out, empty="No quote was taken yet whose task is over.")
    if told["every_task"]:
        say("\nOf every task, quoted or not; a share is told from 20 tasks on:", out)
        of_all = (
            field("CLASS", "service"),
            field("FIGURE", "figure"),
            field("TASKS", "tasks", right=True),
            field("P90 KEPT", "p90_kept", _percent, right=True),
        )
        print_rows(told["every_task"], of_all, out=out)


def _show(quote_: dict[str, Any], out: Out) -> None:
    if out.json:
        print_json(quote_)
        return
    if out.quiet:
        print_text(str(quote_["id"]))
        return
    from ondol.report.words import number

    able = [one for one in quote_["options"] if "start" in one]
    priced = any(one["price_eur"] for one in able)
    columns = (
        Column("OPTION", lambda row: f"{row['option']}{' *' if row['recommended'] else ''}", folds=False),
        Column("START p50/p90", lambda row: _span(row["start"], quote_["made_at"])),
        Column("END p50/p90", lambda row: _span(row["end"], quote_["made_at"])),
        Column("kWh p50/p90", lambda row: _both(row["energy_kwh"]), right=True),
        Column("CO2e", lambda row: _carbon(row["co2e_g"]), right=True, folds=False),
        Column("HEAT kWh", lambda row: number(row["heat_reused_kwh"]), right=True),
        *([Column("EUR", lambda row: _price(row["price_eur"]), right=True, folds=False)] if priced else []),
    )
    print_rows(able, columns, out=out, empty="Nothing can be offered.", width=WIDTH)
    for one in quote_["options"]:
        why_not = one["why_not"]
        note(f"{one['option']} cannot be had: {why_not}" if why_not else f"{one['option']}: {one['why']}", out)
        if one.get("record") and one["feasible"]:
            of = f"the last {one['record']['tasks']} {one['service']} tasks"
            note(f"  of {of} {_percent(one['record']['ended_by_p90'])} ended by their p90", out)
        if one.get("price_eur") and one["feasible"]:
            note(f"  price: {one['tariff_eur_per_core_h']:g} EUR per core-hour, by the tariff of now", out)
        for left in one["budgets"] or ():
            rest = both({"co2e_g": left["co2e_left_g"], "energy_kwh": left["energy_left_kwh"]})
            note(f"  left of {left['name']} after its p90: {rest}", out)
    if quote_["accepted"]:
        note(f"Taken as {quote_['accepted']}: task {quote_['task_uuid']}", out)
    else:
        note(
            f"Valid until {clock(quote_['valid_until'])} UTC, platform time. To take one: "
            f"ondol quote accept {quote_['id']} OPTION",
            out,
        )
    if quote_["outcome"]:
        came = quote_["outcome"]
        note(f"It came to {came['energy_kwh']:.3g} kWh and {came['co2e_g']:.3g} gCO2e: {came['state']}", out)


def _span(at: dict[str, str | None], since: str) -> str:
    """Waits from the making of the quote."""
    begin = dt.datetime.fromisoformat(since)
    if at["p50"] is None:
        return "not foreseen"
    return "/".join(
        _wait((dt.datetime.fromisoformat(str(at[name])) - begin).total_seconds()) for name in ("p50", "p90")
    )


def _wait(wait_s: float) -> str:
    if wait_s < 90.0:
        return f"{max(wait_s, 0.0):.0f} s"
    if wait_s < 5400.0:
        return f"{wait_s / 60.0:.0f} min"
    return f"{wait_s / 3600.0:.1f} h" if wait_s < 172_800.0 else f"{wait_s / 86_400.0:.1f} d"


def _both(kwh: dict[str, float]) -> str:
    from ondol.report.words import number

    return f"{number(kwh['p50'])}/{number(kwh['p90'])}"


def _carbon(grams: dict[str, float]) -> str:
    """From what one of ten stays below to what nine of ten do, kg from a kilogram on."""
    from ondol.report.words import number

    scale, unit = (1000.0, "kg") if grams["high"] >= 999.5 else (1.0, "g")
    return f"{number(grams['low'] / scale)}–{number(grams['high'] / scale)} {unit}"


def _price(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{100.0 * value:.0f} %"
