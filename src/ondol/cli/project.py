"""`ondol admin project`: what tasks of several accounts are booked on, with budgets in money."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import uuid
from collections.abc import Sequence
from typing import Annotated, Literal

from cyclopts import App, Parameter

from ondol.cli.listing import AsJson, field, print_rows, print_text
from ondol.cli.operator import Data, account_of, installation
from ondol.model.account import Budget, Project
from ondol.model.checks import check_text
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import ProjectId
from ondol.storage.ports import Store

app = App(name="project", help="Projects that tasks are booked on, made on the platform's own machine.")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST = dt.datetime(9998, 1, 1, tzinfo=dt.UTC)


@app.command
def add(slug: str, /, *, name: str = "", description: str = "", organization: str = "", data: Data = None) -> None:
    """Make a project and print its UUID.

    Parameters
    ----------
    slug:
        Its short name: a–z, 0–9 and -.
    name:
        Its name; the slug, where it has none.
    organization:
        Name of the organisation it belongs to.
    """
    if not _SLUG.fullmatch(slug):
        raise InvalidFieldError("slug", slug, "1 to 63 of a–z, 0–9 and -, letter or digit at both ends")
    check_text("name", name or slug)
    project = Project(
        id=ProjectId(str(uuid.uuid4())),
        name=name or slug,
        slug=slug,
        description=description,
        organization=organization,
    )
    with installation(data) as (_, store):
        store.put_project(project)
    print_text(project.id)


@app.command(name="list")
def list_(*, data: Data = None, as_json: AsJson = False) -> None:
    """List the projects with their members and budgets."""
    with installation(data) as (_, store):
        emails = {account.id: account.email for account in store.accounts()}
        rows = [
            {
                "slug": project.slug,
                "uuid": project.id,
                "name": project.name,
                "members": [emails.get(one, one) for one in project.members],
                "default_for": [emails.get(one, one) for one in project.default_for],
                "budgets": [dataclasses.asdict(budget) for budget in project.budgets],
            }
            for project in store.projects()
        ]
    columns = (
        field("SLUG", "slug"),
        field("NAME", "name"),
        field("MEMBERS", "members", ", ".join),
        field("BUDGETS", "budgets", _budgets),
        field("UUID", "uuid"),
    )
    print_rows(rows, columns, as_json=as_json, empty="No projects yet: 'ondol admin project add' makes one.")


@app.command
def member(
    slug: str,
    email: str,
    /,
    *,
    default: Annotated[bool, Parameter(negative="")] = False,
    remove: Annotated[bool, Parameter(negative="")] = False,
    data: Data = None,
) -> None:
    """Let an account book on a project, or no longer.

    Parameters
    ----------
    default:
        Its tasks that name no project are booked on this one.
    remove:
        Take the right away.
    """
    with installation(data) as (_, store):
        account = account_of(store, email)
        project = _project(store, slug)
        if default and not remove:
            for other in store.projects():
                if other.id != project.id and account.id in other.default_for:
                    left = tuple(one for one in other.default_for if one != account.id)
                    store.put_project(dataclasses.replace(other, default_for=left))
        members = tuple(one for one in project.members if one != account.id)
        defaults = tuple(one for one in project.default_for if one != account.id or not (remove or default))
        store.put_project(
            dataclasses.replace(
                project,
                members=members if remove else (*members, account.id),
                default_for=(*defaults, account.id) if default and not remove else defaults,
            )
        )


@app.command
def budget(
    slug: str,
    euros: float,
    /,
    *,
    alias: str = "",
    overrun: Literal["AlertOnly", "BlockNew", "StopAndBlockAll"] = "AlertOnly",
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    data: Data = None,
) -> None:
    """Set money aside for a project. Its spending is counted by whole days (UTC, platform time).

    Parameters
    ----------
    euros:
        How much.
    alias:
        What the budget is called.
    overrun:
        What happens when it is used up: AlertOnly nothing, BlockNew and StopAndBlockAll refuse new tasks.
    start:
        First day; today where not given.
    end:
        From then on it is over; never where not given.
    """
    if not 0 < euros <= 1e9:
        raise InvalidFieldError("EUROS", euros, "an amount above 0 and at most 1e9")
    fresh = Budget(
        id=str(uuid.uuid4()),
        alias=alias,
        total_cents=round(100 * euros),
        overrun=overrun,
        start=_aware(start or dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)),
        expires=_aware(end or _LONGEST),
    )
    if fresh.expires <= fresh.start:
        raise InvalidFieldError("--end", str(end), "a time after --start")
    with installation(data) as (_, store):
        project = _project(store, slug)
        store.put_project(dataclasses.replace(project, budgets=(*project.budgets, fresh)))
    print_text(fresh.id)


@app.command
def remove(slug: str, /, *, data: Data = None) -> None:
    """Remove a project; what was booked on it stays in the ledger."""
    with installation(data) as (_, store):
        store.delete_project(_project(store, slug).id)


def _project(store: Store, slug: str) -> Project:
    found = next((one for one in store.projects() if slug in (one.slug, one.id)), None)
    if found is None:
        raise NotFoundError("project", f"{slug}; 'ondol admin project list' shows those there are")
    return found


def _aware(when: dt.datetime) -> dt.datetime:
    return when.replace(tzinfo=dt.UTC) if when.tzinfo is None else when.astimezone(dt.UTC)


def _budgets(budgets: Sequence[dict[str, object]]) -> str:
    return ", ".join(f"{one['alias'] or one['id']} {int(str(one['total_cents'])) / 100:g} EUR" for one in budgets)
