"""`ondol admin budget`: what accounts, projects and organisations may use in carbon and energy."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from cyclopts import App, Parameter

from ondol.cli.listing import WIDTH, AsJson, Column, field, print_rows, print_text
from ondol.cli.operator import Data, installation

app = App(name="budget", help="Carbon and energy that work may use, set on the platform's own machine.")


@app.command(name="set")
def set_(
    budget: str,
    /,
    *,
    account: str = "",
    project: str = "",
    organization: str = "",
    co2e_kg: float | None = None,
    energy_kwh: float | None = None,
    every: Literal["once", "day", "week", "month", "year"] = "month",
    timezone: str = "UTC",
    overrun: Literal["AlertOnly", "BlockNew", "StopAndBlockAll"] = "BlockNew",
    carry_over: float = 0.0,
    alert: Annotated[tuple[int, ...] | None, Parameter(negative="")] = None,
    alias: str = "",
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    data: Data = None,
) -> None:
    """Set a budget, or change what it has; a running platform follows within seconds.

    Parameters
    ----------
    budget:
        Its id: a–z, 0–9 and -.
    account:
        E-mail of the account whose work it counts. With --project: only its work in that project.
    project:
        Short name of the project whose work it counts.
    organization:
        Name of the organisation whose accounts' work it counts.
    co2e_kg:
        Carbon in each period; not limited where left out.
    energy_kwh:
        Energy in each period; not limited where left out.
    every:
        How often it begins anew. A budget given once needs --start and --end.
    timezone:
        Where the midnights are at which periods end, e.g. Europe/Paris.
    overrun:
        What happens when it is used up: nothing but an alert, no new work, or all its work stops.
    carry_over:
        Share of what was not used that the next period gets, 0 to 1.
    alert:
        Percent of use at which it is told of; may be given several times. At 80 and 100 where left out.
    alias:
        What it is called.
    start:
        From when on it counts, platform time; by the clocks of the time zone where it names no offset.
    end:
        From then on it is over; never where left out.
    """
    from ondol.control.budget_setting import budget_of, holder_of, set_budget
    from ondol.model.budget import ALERTS_PERCENT

    with installation(data) as (_, store):
        made = budget_of(
            budget,
            holder_of(store, organization=organization, project=project, account=account),
            alias=alias,
            co2e_g=None if co2e_kg is None else 1e3 * co2e_kg,
            energy_kwh=energy_kwh,
            every=every,
            timezone=timezone,
            start=start,
            end=end,
            carry_over=carry_over,
            alerts_percent=ALERTS_PERCENT if alert is None else tuple(sorted(alert)),
            overrun=overrun,
        )
        set_budget(store, made)
    print_text(made.id)


@app.command
def remove(budget: str, /, *, data: Data = None) -> None:
    """Remove a budget; its history stays, and work that it held goes on."""
    from ondol.control.budget_setting import remove_budget

    with installation(data) as (_, store):
        remove_budget(store, budget)


@app.command(name="list")
def list_(
    *,
    removed: Annotated[bool, Parameter(negative="")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List the budgets that are set.

    Parameters
    ----------
    removed:
        Those that were removed, too.
    """
    from ondol.cli.budget import both, holder
    from ondol.control.budget_setting import holder_names

    with installation(data) as (_, store):
        rows = [
            {
                "id": one.id,
                "alias": one.alias,
                "level": one.holder.level.value,
                **holder_names(store, one.holder),
                "limit": {"co2e_g": one.co2e_g, "energy_kwh": one.energy_kwh},
                "every": one.every.value,
                "timezone": one.timezone,
                "carry_over": one.carry_over,
                "alerts_percent": list(one.alerts_percent),
                "overrun": one.overrun.value,
                "archived": one.archived,
            }
            for one in store.use_budgets()
            if removed or not one.archived
        ]
    columns = (
        field("BUDGET", "id"),
        Column("OF", holder),
        Column("HAS", lambda row: both(row["limit"]).replace(", ", "\n"), right=True, folds=False, lines=True),
        Column("EVERY", lambda row: f"{row['every']}\n{row['timezone']}", lines=True),
        Column("USED UP", lambda row: "removed" if row["archived"] else row["overrun"], folds=False),
    )
    empty = "No budgets yet: 'ondol admin budget set' makes one."
    print_rows(rows, columns, as_json=as_json, empty=empty, width=WIDTH)
