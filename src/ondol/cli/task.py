"""`ondol task`: submit work, follow it, change it, end it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import App, Parameter

from ondol.cli.carbon_shown import print_facts
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.constants import change_constant
from ondol.cli.kinds import TASKS
from ondol.cli.listing import Column, field, print_json, print_pairs, print_rows, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.paging import FIRST, Paging, listed, print_page
from ondol.cli.selection import ANY, Which, Yes, agreed, chosen, do_to_each, one
from ondol.cli.task_finish import finish
from ondol.cli.task_wait import tally
from ondol.cli.wording import UNKNOWN, clock, span, timespan_s

app = App(name="task", help="Submit tasks, follow them, read what they said.")
app.command("ondol.cli.task_create:create", name="create")
app.command("ondol.cli.task_output:stdout", name="stdout")
app.command("ondol.cli.task_output:stderr", name="stderr")
app.command("ondol.cli.task_snapshot:app", name="snapshot")
app.command("ondol.cli.task_again:clone", name="clone")
app.command("ondol.cli.task_again:retry", name="retry")
app.command("ondol.cli.task_again:recover", name="recover")
app.command("ondol.cli.task_again:resume", name="resume")
app.command("ondol.cli.task_dependencies:dependencies_state", name="dependencies-state")


@app.command(name="list")
def list_(
    *keys: str,
    state: str | None = None,
    which: Which = ANY,
    paging: Paging = FIRST,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """List your tasks, newest first.

    Parameters
    ----------
    keys:
        Only these: ids, the first digits of one, short names or names.
    state:
        Only tasks in this state, e.g. Success, FullyExecuting.
    """
    with open_api(where) as api:
        if keys or which.explicit:
            rows = chosen(api, TASKS, keys, which, whole=True)
        else:
            leaf = [] if state is None else [_in_state(state)]
            page = listed(api, TASKS, which.filter(*leaf), paging, out)
            if print_page(page, paging, out):
                return
            rows = page.rows
    columns = (
        field("ID", "uuid", lambda value: str(value)[:8]),
        field("NAME", "name"),
        Column("SERVICE", service_of),
        field("STATE", "state"),
        Column("DONE", _done, right=True),
        field("CREATED (UTC)", "creationDate", clock),
        Column("RAN FOR", _run_time, right=True),
    )
    print_rows(rows, columns, out=out, empty="No tasks: 'ondol task create' submits one.", key="uuid")


@app.command
def info(*keys: str, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> None:
    """Show all about tasks.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    """
    with open_api(where) as api:
        tasks = chosen(api, TASKS, keys, which, whole=True)
    if out.json:
        print_json(tasks[0] if len(keys) == 1 else tasks)
        return
    for row, task in enumerate(tasks):
        if row:
            say("", out)
        print_pairs(_about(task), out)


@app.command
def wait(
    *keys: str,
    timeout: float | None = None,
    stdout: Annotated[bool, Parameter(name=("--stdout", "-o"), negative="")] = False,
    stderr: Annotated[bool, Parameter(name=("--stderr", "-e"), negative="")] = False,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> int:
    """Wait until tasks are over; exit code 0 success, 3 one failed, 4 one was cancelled.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    timeout:
        Longest wait in seconds; the tasks go on after it, the exit code is 1.
    stdout:
        Print what they write to standard output as it comes; what --fresh showed before is not shown again.
    stderr:
        Print what they write to standard error.
    """
    with open_api(where) as api:
        task_ids = [str(task["uuid"]) for task in chosen(api, TASKS, keys, which)]
        alone = len(keys) == 1
        return finish(api, task_ids, out, timeout_s=timeout, stdout=stdout, stderr=stderr, alone=alone)


@app.command
def abort(*keys: str, yes: Yes = False, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> int:
    """Cancel tasks; what runs is stopped.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    """
    with open_api(where) as api:
        tasks = chosen(api, TASKS, keys, which)
        if not agreed("Cancel tasks:", len(tasks), yes=yes):
            return 1
        done, code = do_to_each(tasks, lambda task: api.post(f"{TASKS.path(task['uuid'])}/abort"), out)
    _tell(done, "is being cancelled", out)
    return code


@app.command
def delete(*keys: str, yes: Yes = False, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> int:
    """Remove tasks, cancelling those that are not over; their ledger rows stay.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    """
    with open_api(where) as api:
        tasks = chosen(api, TASKS, keys, which)
        if not agreed("Delete tasks:", len(tasks), yes=yes):
            return 1
        done, code = do_to_each(tasks, lambda task: api.delete(TASKS.path(task["uuid"])), out)
    _tell(done, "is deleted", out)
    return code


@app.command
def update_resources(*keys: str, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> int:
    """Let running tasks fetch what is new in their resource buckets.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    """
    with open_api(where) as api:
        tasks = chosen(api, TASKS, keys, which)
        done, code = do_to_each(tasks, lambda task: api.patch(TASKS.path(task["uuid"])), out)
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
    """Change a constant of tasks; instances that start from now on see it.

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
        tasks = chosen(api, TASKS, keys, which, whole=True)
        done, code = do_to_each(
            tasks, lambda task: change_constant(api, TASKS, task, constant_name, constant_value), out
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
    """Show the energy and carbon of a task.

    Parameters
    ----------
    keys:
        Its id or the first digits of it, its short name, or its name.
    datacenter:
        Name of the data centre to compare with.
    """
    with open_api(where) as api:
        path = f"/carbon/v1{TASKS.path(str(one(api, TASKS, keys, which)['uuid']))}/carbon-facts"
        facts = dict(api.get(path, comparisonDatacenter=datacenter))
    print_facts(facts, out)


def service_of(task: Mapping[str, Any]) -> str:
    """Give the service class of a task of the wire."""
    named = (task.get("labels") or {}).get("ondol.service")
    return str(named or {"ondemand": "on_demand"}.get(str(task.get("schedulingType", "")).lower(), "flex"))


def _cap(said: str | None) -> str:
    return "" if said is None else f"{said} of full speed"


def _about(task: Mapping[str, Any]) -> list[tuple[str, object]]:
    count, over, running = tally(dict(task))
    constants = {pair["key"]: pair["value"] for pair in task.get("constants") or []}
    results = task.get("resultBucket")
    needs = (task.get("dependencies") or {}).get("dependsOn") or []
    return [
        ("name", task.get("name")),
        ("id", task.get("uuid")),
        ("short name", "" if task.get("shortname") == task.get("uuid") else task.get("shortname")),
        ("state", f"{task['state']} since {clock(task.get('stateTransitionTime'))} UTC"),
        ("service", service_of(task)),
        ("cap", _cap((task.get("labels") or {}).get("ondol.cap"))),
        ("instances", f"{over} of {count} over, {running} running ({float(task.get('progress') or 0):.0f} %)"),
        ("profile", task.get("profile")),
        ("image", ":".join(filter(None, (constants.get("DOCKER_REPO"), constants.get("DOCKER_TAG"))))),
        ("command", constants.get("CMD") or constants.get("DOCKER_CMD")),
        ("job", task.get("jobUuid")),
        ("pool", task.get("poolUuid")),
        ("waits for", ", ".join(map(str, needs))),
        ("created", clock(task.get("creationDate"))),
        ("ended", clock(task.get("endDate")).replace(UNKNOWN, "")),
        ("ran for", _run_time(task)),
        ("resources", ", ".join(_buckets(task))),
        ("results", f"{results} ({task.get('resultsCount') or 0} uploads)" if results else ""),
        ("tags", ", ".join(task.get("tags") or [])),
        *((f"label {name}", value) for name, value in sorted((task.get("labels") or {}).items())),
        *(("error", f"{fault.get('code', '')} {fault.get('message', '')}") for fault in task.get("errors") or []),
    ]


def _tell(done: list[dict[str, Any]], what: str, out: Out) -> None:
    if out.json:
        print_json([{"uuid": task["uuid"]} for task in done])
    for task in done:
        say(f"{task['uuid']} {what}", out)


def _in_state(state: str) -> dict[str, Any]:
    from ondol.model.compute import TaskState

    wanted = state.lower().replace("-", "").replace("_", "")
    named = next((one.value for one in TaskState if one.value.lower() == wanted), None)
    if named is None:
        from ondol.model.errors import InvalidFieldError

        raise InvalidFieldError("--state", state, ", ".join(one.value for one in TaskState))
    return {"operator": "Equal", "field": "State", "value": named}


def _done(task: Mapping[str, Any]) -> str:
    count, over, _ = tally(dict(task))
    return f"{over}/{count}"


def _run_time(task: Mapping[str, Any]) -> str:
    return span(timespan_s(task.get("executionTime")))


def _buckets(task: Mapping[str, Any]) -> list[str]:
    advanced = [str(one.get("bucketName")) for one in task.get("advancedResourceBuckets") or []]
    return [*map(str, task.get("resourceBuckets") or []), *advanced]
