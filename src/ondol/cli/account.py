"""`ondol account`, `ondol quota`, `ondol project`: who you are, what you use and may use, what you may book on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import Column, field, print_json, print_pairs, print_rows, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import UNKNOWN, clock, size
from ondol.model.errors import NotFoundError

quota_app = App(name="quota", help="What you may run at once.")
computing = App(name="computing", help="Instances and cores at once, by scheduling type.")
quota_app.command(computing)
project_app = App(name="project", help="Projects that you may book tasks on ('ondol admin project' makes them).")

_ENDLESS, _ENDLESS_BYTES = 2**31 - 1, 2**53 - 1  # what the API says where there is no limit


def account(*, out: Out = SHOWN, where: Where = HERE) -> None:
    """Show who you are, what you use and what you may use."""
    with open_api(where) as api:
        info = dict(api.get("/info"))
        credits_eur = (api.get("/credits/v1/accounts/credits") or {}).get("credits")
    if out.json:
        print_json({**info, "credits": credits_eur})
        return
    used = [
        ("tasks", _of(info.get("taskCount"), info.get("maxTask"))),
        ("tasks not over", _of(info.get("runningTaskCount"), info.get("maxRunningTask"))),
        ("jobs", _of(info.get("jobCount"), info.get("maxJob"))),
        ("pools", _of(info.get("poolCount"), info.get("maxPool"))),
        ("pools not closed", _of(info.get("runningPoolCount"), info.get("maxRunningPool"))),
        ("instances now", _of(info.get("runningInstanceCount"), info.get("maxInstances"))),
        ("cores now", _of(info.get("runningCoreCount"), info.get("maxCores"))),
        ("buckets", _of(info.get("bucketCount"), info.get("maxBucket"))),
        ("stored", _bytes(info.get("usedQuotaBytes"), info.get("quotaBytes"))),
        ("in one bucket", _limit(info.get("quotaBytesBucket"))),
        ("credits", f"{credits_eur} EUR" if credits_eur else ""),
        ("projects", ", ".join(str(one.get("slug") or one.get("name")) for one in info.get("projects") or [])),
    ]
    print_pairs([("account", info.get("email")), ("platform", api.access.url), *used], out)


@computing.command
def user(*, out: Out = SHOWN, where: Where = HERE) -> None:
    """Show what you run and may run at once."""
    with open_api(where) as api:
        quotas = dict(api.get("/quotas/computing-quotas/user"))
    _print_quotas(quotas, out)


@computing.command
def organization(*, out: Out = SHOWN, where: Where = HERE) -> None:
    """Show what your organisation runs and may run at once, and who of it runs what."""
    with open_api(where) as api:
        quotas = dict(api.get("/quotas/computing-quotas/organization"))
    if not out.json and quotas.get("name"):
        say(str(quotas["name"]), out)
    _print_quotas(quotas, out)
    if out.json or out.quiet:
        return
    rows = [
        {"type": kind, "email": email, **counts}
        for kind, quota in _kinds(quotas)
        for email, counts in (quota.get("runningCountsPerUser") or {}).items()
    ]
    if rows:
        say("", out)
        columns = (
            field("TYPE", "type"),
            field("WHO", "email"),
            field("INSTANCES", "runningInstancesCount", right=True),
            field("CORES", "runningCoresCount", right=True),
        )
        print_rows(rows, columns, out=out)


@project_app.command(name="list")
def list_(*, out: Out = SHOWN, where: Where = HERE) -> None:
    """List the projects that you may book tasks on."""
    with open_api(where) as api:
        rows = list(api.get("/info").get("projects") or [])
    columns = (
        field("SLUG", "slug"),
        field("NAME", "name"),
        field("DESCRIPTION", "description"),
        field("", "isDefault", lambda yes: "yours unless you say otherwise" if yes else ""),
        field("ID", "uuid"),
    )
    empty = "No projects: the platform's operator makes them with 'ondol admin project add'."
    print_rows(rows, columns, out=out, empty=empty, key="uuid")


@project_app.command
def budgets(
    project: str,
    /,
    *,
    active: Annotated[bool, Parameter(negative="")] = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show what was set aside for a project, and what is left of it.

    Parameters
    ----------
    project:
        Its short name, name or id.
    active:
        Only budgets that count today.
    """
    with open_api(where) as api:
        known = list(api.get("/info").get("projects") or [])
        found = next((one for one in known if project in (one.get("slug"), one.get("uuid"), one.get("name"))), None)
        if found is None:
            raise NotFoundError("project", f"{project}; 'ondol project list' shows yours")
        path = f"/credits/v1/projects/{quote(str(found['uuid']), safe='')}/budgets"
        rows = list(api.get(path, activeOnly="true" if active else None)["budgets"])
    columns = (
        field("BUDGET", "alias"),
        field("SET ASIDE", "totalAmountInCents", _euros, right=True),
        field("USED", "consumedAmountInCents", _euros, right=True),
        field("LEFT", "remainingAmountInCents", _euros, right=True),
        field("FROM (UTC)", "startDateUtc", clock),
        field("TO", "expirationDateUtc", clock),
        field("USED UP", "budgetOverrunPolicy"),
    )
    print_rows(rows, columns, out=out, empty="No budgets.", key="uuid")


def _print_quotas(quotas: Mapping[str, Any], out: Out) -> None:
    if out.json:
        print_json(quotas)
        return
    rows = [{"type": kind, **quota} for kind, quota in _kinds(quotas)]
    columns = (
        field("TYPE", "type"),
        Column("INSTANCES", lambda row: _of(row.get("runningInstancesCount"), row.get("maxInstances")), right=True),
        Column("CORES", lambda row: _of(row.get("runningCoresCount"), row.get("maxCores")), right=True),
    )
    print_rows(rows, columns, out=out, key="type")


def _kinds(quotas: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    plain = [("Flex", quotas.get("flex")), ("OnDemand", quotas.get("onDemand"))]
    kept = [
        (f"Reserved {one.get('reservationName') or one.get('machineKey') or ''}".rstrip(), one)
        for one in quotas.get("reserved") or []
    ]
    return [(kind, quota) for kind, quota in (*plain, *kept) if quota]


def _of(used: object, most: object) -> str:
    if used is None:
        return UNKNOWN
    return f"{used}" if not isinstance(most, int) or most >= _ENDLESS else f"{used} of {most}"


def _bytes(used: object, most: object) -> str:
    if not isinstance(used, int | float):
        return UNKNOWN
    return size(used) + (f" of {size(most)}" if isinstance(most, int) and most < _ENDLESS_BYTES else "")


def _limit(most: object) -> str:
    return f"at most {size(most)}" if isinstance(most, int) and most < _ENDLESS_BYTES else ""


def _euros(cents: object) -> str:
    return f"{cents / 100:.2f} EUR" if isinstance(cents, int | float) else UNKNOWN
