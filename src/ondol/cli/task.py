"""`ondol task`: submit work, follow it, read what it said."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import App, Parameter

from ondol.cli.connection import HERE, Api, Where, open_api
from ondol.cli.listing import AsJson, Column, field, print_json, print_pairs, print_rows, print_text
from ondol.cli.task_body import Service, task_body
from ondol.cli.task_find import find_id, find_task, list_tasks, task_path
from ondol.cli.task_wait import FINAL, tally, wait_for
from ondol.cli.wording import UNKNOWN, clock, span, timespan_s
from ondol.model.errors import InvalidFieldError

app = App(name="task", help="Submit tasks, follow them, read what they said.")

Many = Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)]


@app.command
def create(
    *,
    name: Annotated[str, Parameter(name=("--name", "-n"))],
    command: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    profile: Annotated[str, Parameter(name=("--profile", "-p"))] = "process",
    instances: Annotated[int | None, Parameter(name=("--instances", "-i"))] = None,
    ranges: Annotated[str | None, Parameter(name="--range")] = None,
    constant: Annotated[
        list[str] | None, Parameter(name=("--constant", "-c"), negative="", consume_multiple=True)
    ] = None,
    resources: Annotated[
        list[str] | None, Parameter(name=("--resources", "-r"), negative="", consume_multiple=True)
    ] = None,
    result: str | None = None,
    tag: Many = None,
    label: Many = None,
    service: Service | None = None,
    deadline: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    retries: int = 0,
    shortname: str | None = None,
    wait: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
    where: Where = HERE,
) -> int:
    """Submit a task; prints its id.

    Parameters
    ----------
    name:
        What you call it.
    command:
        Command that each instance runs; ${INSTANCE_ID} and constants are filled in, no shell is involved.
    profile:
        How it runs: process, docker-batch.
    instances:
        How many instances, numbered from 0. [default: 1]
    ranges:
        Which instances, e.g. 0-2,4-5,17, in place of --instances.
    constant:
        NAME=VALUE, an environment variable of the job; may be repeated.
    resources:
        BUCKET or BUCKET/PREFIX whose files the job finds in its folder; may be repeated.
    result:
        BUCKET or BUCKET/PREFIX for what the job leaves in its folder.
    tag:
        A tag to find it by; may be repeated.
    label:
        NAME=VALUE, a note of yours; may be repeated.
    service:
        on_demand: now; flex: by its deadline, when heat is wanted; harvest: on wanted heat only, may be stopped;
        filler: for heat alone.
    deadline:
        By when a flex task wants to be done, e.g. +2h on the platform's clock, or an ISO 8601 time.
    retries:
        Further attempts of an instance that fails.
    shortname:
        A unique handle of letters, digits and hyphens.
    wait:
        Wait until it is over; exit code 0 success, 3 failure, 4 cancelled.
    """
    body = task_body(
        name=name,
        profile=profile,
        instances=instances,
        ranges=ranges,
        command=command,
        constants=constant or (),
        resources=resources or (),
        result=result,
        tags=tag or (),
        labels=label or (),
        service=service,
        deadline=deadline,
        retries=retries,
        shortname=shortname,
    )
    with open_api(where) as api:
        task_id = str(api.post("/tasks", body)["uuid"])
        if not wait:
            print_json({"uuid": task_id}) if as_json else print_text(task_id)
            return 0
        return _finish(api, task_id, as_json=as_json, timeout_s=None)


@app.command(name="list")
def list_(
    *,
    state: str | None = None,
    limit: int = 100,
    as_json: AsJson = False,
    where: Where = HERE,
) -> None:
    """List your tasks, newest first.

    Parameters
    ----------
    state:
        Only tasks in this state, e.g. Success, FullyExecuting.
    limit:
        Most tasks that are looked at.
    """
    with open_api(where) as api:
        tasks = [
            task for task in list_tasks(api, most=limit, whole=True) if state is None or _same(task.get("state"), state)
        ]
    columns = (
        field("ID", "uuid", lambda value: str(value)[:8]),
        field("NAME", "name"),
        Column("SERVICE", service_of),
        field("STATE", "state"),
        Column("DONE", _done, right=True),
        field("CREATED (UTC)", "creationDate", clock),
        Column("RAN FOR", _run_time, right=True),
    )
    print_rows(tasks, columns, as_json=as_json, empty="No tasks yet: 'ondol task create' submits one.")


@app.command
def info(key: str, /, *, as_json: AsJson = False, where: Where = HERE) -> None:
    """Show all about a task.

    Parameters
    ----------
    key:
        Its id or the first digits of it, its short name, or its name.
    """
    with open_api(where) as api:
        task = find_task(api, key)
    if as_json:
        print_json(task)
        return
    count, over, running = tally(task)
    constants = {pair["key"]: pair["value"] for pair in task.get("constants") or []}
    results = task.get("resultBucket")
    print_pairs(
        [
            ("name", task.get("name")),
            ("id", task.get("uuid")),
            ("state", f"{task['state']} since {clock(task.get('stateTransitionTime'))} UTC"),
            ("service", service_of(task)),
            ("instances", f"{over} of {count} over, {running} running ({float(task.get('progress') or 0):.0f} %)"),
            ("profile", task.get("profile")),
            ("command", constants.get("CMD") or constants.get("DOCKER_CMD")),
            ("created", clock(task.get("creationDate"))),
            ("ended", clock(task.get("endDate")).replace(UNKNOWN, "")),
            ("ran for", _run_time(task)),
            ("resources", ", ".join(_buckets(task))),
            ("results", f"{results} ({task.get('resultsCount') or 0} uploads)" if results else ""),
            ("tags", ", ".join(task.get("tags") or [])),
            *((f"label {name}", value) for name, value in sorted((task.get("labels") or {}).items())),
            *(("error", f"{fault.get('code', '')} {fault.get('message', '')}") for fault in task.get("errors") or []),
        ]
    )


@app.command
def wait(key: str, /, *, timeout: float | None = None, as_json: AsJson = False, where: Where = HERE) -> int:
    """Wait until a task is over; exit code 0 success, 3 failure, 4 cancelled.

    Parameters
    ----------
    timeout:
        Longest wait in seconds; the task goes on after it, the exit code is 1.
    """
    with open_api(where) as api:
        return _finish(api, find_id(api, key), as_json=as_json, timeout_s=timeout)


@app.command
def abort(key: str, /, *, where: Where = HERE) -> None:
    """Cancel a task; what runs is stopped."""
    with open_api(where) as api:
        task_id = find_id(api, key)
        api.post(f"{task_path(task_id)}/abort")
    print_text(f"{task_id} is being cancelled")


@app.command
def delete(key: str, /, *, where: Where = HERE) -> None:
    """Remove a task, cancelling it first where it is not over; its ledger rows stay."""
    with open_api(where) as api:
        task_id = find_id(api, key)
        api.delete(task_path(task_id))
    print_text(f"{task_id} is deleted")


@app.command
def stdout(
    key: str,
    /,
    *,
    instance: int | None = None,
    fresh: Annotated[bool, Parameter(name=("--fresh", "-f"), negative="")] = False,
    where: Where = HERE,
) -> None:
    """Print what a task wrote to standard output.

    Parameters
    ----------
    instance:
        Only this instance's.
    fresh:
        Only what is new since the last look with --fresh.
    """
    _print_stream(key, "stdout", instance, fresh=fresh, where=where)


@app.command
def stderr(
    key: str,
    /,
    *,
    instance: int | None = None,
    fresh: Annotated[bool, Parameter(name=("--fresh", "-f"), negative="")] = False,
    where: Where = HERE,
) -> None:
    """Print what a task wrote to standard error.

    Parameters
    ----------
    instance:
        Only this instance's.
    fresh:
        Only what is new since the last look with --fresh.
    """
    _print_stream(key, "stderr", instance, fresh=fresh, where=where)


@app.command
def carbon_facts(key: str, /, *, datacenter: str | None = None, as_json: AsJson = False, where: Where = HERE) -> None:
    """Show the energy and carbon of a task.

    Parameters
    ----------
    datacenter:
        Name of the data centre to compare with.
    """
    with open_api(where) as api:
        path = f"/carbon/v1{task_path(find_id(api, key))}/carbon-facts"
        facts = dict(api.get(path, comparisonDatacenter=datacenter))
    if as_json:
        print_json(facts)
    else:
        print_pairs((name.replace("_", " "), value) for name, value in facts.items())


def service_of(task: Mapping[str, Any]) -> str:
    """Give the service class of a task of the wire."""
    named = (task.get("labels") or {}).get("ondol.service")
    return str(named or {"ondemand": "on_demand"}.get(str(task.get("schedulingType", "")).lower(), "flex"))


def _finish(api: Api, task_id: str, *, as_json: bool, timeout_s: float | None) -> int:
    task = wait_for(api, task_id, timeout_s=timeout_s)
    if as_json:
        print_json(task)
    else:
        print_text(f"{task_id} {task['state']}")
        for fault in task.get("errors") or []:
            sys.stderr.write(f"  {fault.get('code', '')} {fault.get('message', '')}\n")
    return FINAL[str(task["state"])]


def _print_stream(key: str, stream: str, instance: int | None, *, fresh: bool, where: Where) -> None:
    if instance is not None and instance < 0:
        raise InvalidFieldError("--instance", instance, "the number of an instance, from 0")
    with open_api(where) as api:
        path = f"{task_path(find_id(api, key))}/{stream}" + ("" if instance is None else f"/{instance}")
        text = api.text(path, method="POST" if fresh else "GET")
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def _same(state: object, wanted: str) -> bool:
    return str(state).lower() == wanted.lower().replace("-", "").replace("_", "")


def _done(task: Mapping[str, Any]) -> str:
    count, over, _ = tally(dict(task))
    progress = float(task.get("progress") or 0)
    return f"{over}/{count}" if "completedInstances" in task else f"{progress:.0f} % of {count}"


def _run_time(task: Mapping[str, Any]) -> str:
    return span(timespan_s(task.get("executionTime")))


def _buckets(task: Mapping[str, Any]) -> list[str]:
    advanced = [str(one.get("bucketName")) for one in task.get("advancedResourceBuckets") or []]
    return [*map(str, task.get("resourceBuckets") or []), *advanced]
