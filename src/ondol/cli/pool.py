"""`ondol pool`: slots that are kept ready for tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import App, Parameter

from ondol.cli.carbon_shown import print_facts
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.constants import change_constant
from ondol.cli.kinds import POOLS
from ondol.cli.listing import Column, field, print_json, print_pairs, print_rows, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.paging import FIRST, Paging, listed, print_page
from ondol.cli.selection import ANY, Which, Yes, agreed, chosen, do_to_each, one
from ondol.cli.task_output import Fresh, Instance, print_stream
from ondol.cli.wording import UNKNOWN, clock, span, timespan_s

app = App(name="pool", help="Keep slots ready for tasks.")
app.command("ondol.cli.pool_create:create", name="create")
app.command("ondol.cli.pool_create:clone", name="clone")
app.command("ondol.cli.pool_scale:set_elastic_settings", name="set-elastic-settings")
app.command("ondol.cli.pool_scale:set_scaling", name="set-scaling")


@app.command(name="list")
def list_(*keys: str, which: Which = ANY, paging: Paging = FIRST, out: Out = SHOWN, where: Where = HERE) -> None:
    """List your pools, newest first.

    Parameters
    ----------
    keys:
        Only these: ids, the first digits of one, short names or names.
    """
    with open_api(where) as api:
        if keys or which.explicit:
            rows = chosen(api, POOLS, keys, which, whole=True)
        else:
            page = listed(api, POOLS, which.filter(), paging, out)
            if print_page(page, paging, out):
                return
            rows = page.rows
    columns = (
        field("ID", "uuid", lambda value: str(value)[:8]),
        field("NAME", "name"),
        field("PROFILE", "profile"),
        field("STATE", "state"),
        Column("SLOTS", _slots, right=True),
        field("WORK", "queuedOrRunningTaskInstancesCount", right=True),
        field("CREATED (UTC)", "creationDate", clock),
    )
    print_rows(rows, columns, out=out, empty="No pools: 'ondol pool create' makes one.", key="uuid")


@app.command
def info(*keys: str, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> None:
    """Show all about pools.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    """
    with open_api(where) as api:
        pools = chosen(api, POOLS, keys, which, whole=True)
    if out.json:
        print_json(pools[0] if len(keys) == 1 else pools)
        return
    for row, pool in enumerate(pools):
        if row:
            say("", out)
        print_pairs(_about(pool), out)


@app.command
def close(*keys: str, yes: Yes = False, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> int:
    """Let pools take no more tasks; they end when those they have are over.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    """
    with open_api(where) as api:
        pools = chosen(api, POOLS, keys, which)
        if not agreed("Close pools:", len(pools), yes=yes):
            return 1
        done, code = do_to_each(pools, lambda pool: api.post(f"{POOLS.path(pool['uuid'])}/close"), out)
    _tell(done, "is closing", out)
    return code


@app.command
def delete(*keys: str, yes: Yes = False, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> int:
    """Remove pools and cancel their tasks; their ledger rows stay.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    """
    with open_api(where) as api:
        pools = chosen(api, POOLS, keys, which)
        if not agreed("Delete pools:", len(pools), yes=yes):
            return 1
        done, code = do_to_each(pools, lambda pool: api.delete(POOLS.path(pool["uuid"])), out)
    _tell(done, "is deleted", out)
    return code


@app.command
def update_resources(*keys: str, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> int:
    """Let pools fetch what is new in their resource buckets.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    """
    with open_api(where) as api:
        pools = chosen(api, POOLS, keys, which)
        done, code = do_to_each(pools, lambda pool: api.patch(POOLS.path(pool["uuid"])), out)
    _tell(done, "fetches its resources again", out)
    return code


@app.command
def update_constant(
    *keys: str,
    constant_name: str,
    constant_value: Annotated[str, Parameter(allow_leading_hyphen=True)] = "",
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> int:
    """Change a constant of pools; slots and tasks that start from now on see it.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    constant_name:
        Which.
    constant_value:
        What it is from now on; nothing where left out.
    """
    with open_api(where) as api:
        pools = chosen(api, POOLS, keys, which, whole=True)
        done, code = do_to_each(
            pools, lambda pool: change_constant(api, POOLS, pool, constant_name, constant_value), out
        )
    _tell(done, f"has {constant_name} changed", out)
    return code


@app.command
def carbon_facts(
    *keys: str,
    datacenter: Annotated[str | None, Parameter(name=("--datacenter", "-d"))] = None,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show the energy and carbon of a pool, with all that ran in it.

    Parameters
    ----------
    keys:
        Its id or the first digits of it, its short name, or its name.
    datacenter:
        Name of the data centre to compare with.
    """
    with open_api(where) as api:
        path = f"/carbon/v1{POOLS.path(str(one(api, POOLS, keys, which)['uuid']))}/carbon-facts"
        facts = dict(api.get(path, comparisonDatacenter=datacenter))
    print_facts(facts, out)


@app.command
def stdout(
    *keys: str,
    instance: Instance = None,
    fresh: Fresh = False,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Print what the preparation of a pool wrote to standard output.

    Parameters
    ----------
    keys:
        Its id or the first digits of it, its short name, or its name.
    """
    print_stream(POOLS, "stdout", keys, instance, fresh=fresh, which=which, out=out, where=where)


@app.command
def stderr(
    *keys: str,
    instance: Instance = None,
    fresh: Fresh = False,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Print what the preparation of a pool wrote to standard error.

    Parameters
    ----------
    keys:
        Its id or the first digits of it, its short name, or its name.
    """
    print_stream(POOLS, "stderr", keys, instance, fresh=fresh, which=which, out=out, where=where)


def _about(pool: Mapping[str, Any]) -> list[tuple[str, object]]:
    elastic, scaling = pool.get("elasticProperty") or {}, pool.get("scaling") or {}
    policies = [str(one.get("name")) for one in scaling.get("policies") or []]
    return [
        ("name", pool.get("name")),
        ("id", pool.get("uuid")),
        ("short name", "" if pool.get("shortname") == pool.get("uuid") else pool.get("shortname")),
        ("state", f"{pool['state']} since {clock(pool.get('stateTransitionTime'))} UTC"),
        ("profile", pool.get("profile")),
        ("slots", _slots(pool)),
        ("work", f"{pool.get('queuedOrRunningTaskInstancesCount') or 0} instances queued or running"),
        ("preparation", (pool.get("preparationTask") or {}).get("commandLine")),
        (
            "elastic",
            f"{elastic.get('minTotalSlots')} to {elastic.get('maxTotalSlots')} slots, "
            f"{elastic.get('minIdleSlots')} idle"
            if elastic.get("isElastic")
            else "",
        ),
        ("scaling", ", ".join(policies)),
        ("followed now", scaling.get("activePolicyName")),
        ("created", clock(pool.get("creationDate"))),
        ("ended", clock(pool.get("endDate")).replace(UNKNOWN, "")),
        ("ran for", span(timespan_s(pool.get("executionTime")))),
        ("tags", ", ".join(pool.get("tags") or [])),
        *(("error", f"{fault.get('code', '')} {fault.get('message', '')}") for fault in pool.get("errors") or []),
    ]


def _slots(pool: Mapping[str, Any]) -> str:
    return f"{pool.get('runningInstanceCount') or 0}/{pool.get('instanceCount') or 0}"


def _tell(done: list[dict[str, Any]], what: str, out: Out) -> None:
    if out.json:
        print_json([{"uuid": pool["uuid"]} for pool in done])
    for pool in done:
        say(f"{pool['uuid']} {what}", out)
