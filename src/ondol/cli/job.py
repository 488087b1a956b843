"""`ondol job`: tasks that belong together, and may wait for one another."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.creation import said
from ondol.cli.creation_body import body_of
from ondol.cli.creation_file import merged, read_bodies
from ondol.cli.kinds import JOBS, POOLS, find_one
from ondol.cli.listing import field, note, print_json, print_pairs, print_rows, print_text, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.paging import FIRST, Paging, listed, print_page
from ondol.cli.selection import ANY, Several, Which, WrongUsageError, Yes, agreed, chosen, do_to_each, one, several
from ondol.cli.task_finish import finish
from ondol.cli.wording import UNKNOWN, clock, span, timespan_s

app = App(name="job", help="Tasks that belong together.")


@app.command
def create(
    *,
    name: Annotated[str | None, Parameter(name=("--name", "-n"))] = None,
    shortname: Annotated[str | None, Parameter(name=("--shortname", "-s"))] = None,
    file: Annotated[Path | None, Parameter(name=("--file", "-f"), allow_leading_hyphen=True)] = None,
    is_dependant: Annotated[
        bool | None, Parameter(name=("--is-dependant", "--use-dependencies", "-d"), negative="")
    ] = None,
    max_wall_time: str | None = None,
    pool: str | None = None,
    tags: Annotated[Several, several("Tags to find it by.", "--tags", "--tag", "-t")] = None,
    auto_delete: Annotated[bool | None, Parameter(negative="")] = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Make a job; prints its id. 'ondol task create --job' puts tasks into it.

    Parameters
    ----------
    name:
        What you call it.
    shortname:
        A unique handle of letters, digits and hyphens.
    file:
        File with the body of the creation: JSON, YAML or TOML; - is standard input. Options go before it.
    is_dependant:
        Its tasks may wait for one another.
    max_wall_time:
        End it after so long: 2h, 1.06:00:00.
    pool:
        Pool that its tasks run in.
    auto_delete:
        Delete it once it is over.
    """
    if name is None and file is None:
        raise WrongUsageError("Parameter --name is required, or a --file ('ondol job create --help' shows how)")
    below = body_of(read_bodies(file)[0]) if file is not None else {}
    with open_api(where) as api:
        pool_id = None if pool is None else str(find_one(api, POOLS, pool)["uuid"])
        options = said(
            name=name, shortname=shortname, is_dependant=is_dependant, max_wall_time=max_wall_time, pool=pool_id,
            tags=tags, auto_delete=auto_delete,
        )  # fmt: skip
        job_id = str(api.create("/jobs", merged(below, body_of(options)))["uuid"])
    print_json({"uuid": job_id}) if out.json else print_text(job_id)


@app.command(name="list")
def list_(*keys: str, which: Which = ANY, paging: Paging = FIRST, out: Out = SHOWN, where: Where = HERE) -> None:
    """List your jobs, newest first.

    Parameters
    ----------
    keys:
        Only these: ids, the first digits of one, short names or names.
    """
    with open_api(where) as api:
        if keys or which.explicit:
            rows = chosen(api, JOBS, keys, which)
        else:
            page = listed(api, JOBS, which.filter(), paging, out)
            if print_page(page, paging, out):
                return
            rows = page.rows
    columns = (
        field("ID", "uuid", lambda value: str(value)[:8]),
        field("NAME", "name"),
        field("STATE", "state"),
        field("WAITING", "useDependencies", lambda used: "tasks may wait for others" if used else ""),
        field("CREATED (UTC)", "creationDate", clock),
        field("ENDED (UTC)", "endDate", clock),
    )
    print_rows(rows, columns, out=out, empty="No jobs: 'ondol job create' makes one.", key="uuid")


@app.command
def info(*keys: str, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> None:
    """Show all about jobs, with their tasks.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    """
    with open_api(where) as api:
        jobs = chosen(api, JOBS, keys, which)
        tasks = {job["uuid"]: list(api.get(f"{JOBS.path(job['uuid'])}/tasks")) for job in jobs if not out.json}
    if out.json:
        print_json(jobs[0] if len(keys) == 1 else jobs)
        return
    for row, job in enumerate(jobs):
        if row:
            say("", out)
        print_pairs(_about(job, tasks[job["uuid"]]), out)


@app.command(name=("abort", "terminate"))
def abort(*keys: str, yes: Yes = False, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> int:
    """End jobs: their tasks are cancelled, and they take no more.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    """
    with open_api(where) as api:
        jobs = chosen(api, JOBS, keys, which)
        if not agreed("End jobs and cancel their tasks:", len(jobs), yes=yes):
            return 1
        done, code = do_to_each(jobs, lambda job: api.post(f"{JOBS.path(job['uuid'])}/terminate"), out)
    _tell(done, "is being ended", out)
    return code


@app.command
def delete(
    *keys: str,
    force: Annotated[bool, Parameter(negative="")] = False,
    yes: Yes = False,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> int:
    """Remove jobs.

    Parameters
    ----------
    keys:
        Ids or the first digits of one, short names, or names.
    force:
        With the tasks that they have, running or not; refused without it where there are some.
    """
    with open_api(where) as api:
        jobs = chosen(api, JOBS, keys, which)
        if not agreed("Delete jobs:", len(jobs), yes=yes):
            return 1
        asked = "true" if force else None
        done, code = do_to_each(jobs, lambda job: api.delete(JOBS.path(job["uuid"]), force=asked), out)
    _tell(done, "is deleted", out)
    return code


@app.command
def wait(*keys: str, timeout: float | None = None, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> int:
    """Wait until every task that a job has now is over; exit code 0 success, 3 one failed, 4 one was cancelled.

    Parameters
    ----------
    keys:
        Its id or the first digits of it, its short name, or its name.
    timeout:
        Longest wait in seconds; the tasks go on after it, the exit code is 1.
    """
    begun = time.monotonic()
    with open_api(where) as api:
        job = one(api, JOBS, keys, which)
        tasks = [str(task["uuid"]) for task in api.get(f"{JOBS.path(job['uuid'])}/tasks")]
        if not tasks:
            note(f"{job['uuid']} has no tasks", out)
            if out.json:
                print_json([])
            return 0
        left_s = None if timeout is None else max(0.0, timeout - (time.monotonic() - begun))
        return finish(api, tasks[::-1], out, timeout_s=left_s, alone=False)


def _about(job: Mapping[str, Any], tasks: list[dict[str, Any]]) -> list[tuple[str, object]]:
    states = [str(task.get("state")) for task in tasks]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return [
        ("name", job.get("name")),
        ("id", job.get("uuid")),
        ("short name", "" if job.get("shortname") == job.get("uuid") else job.get("shortname")),
        ("state", f"{job['state']} since {clock(job.get('stateTransitionTime'))} UTC"),
        ("waiting", "its tasks may wait for one another" if job.get("useDependencies") else ""),
        ("ends after", span(timespan_s(job.get("maxWallTime"))).replace(UNKNOWN, "")),
        ("pool", job.get("poolUuid")),
        ("tasks", f"{len(tasks)}: {counts}" if tasks else "none"),
        ("created", clock(job.get("creationDate"))),
        ("ended", clock(job.get("endDate")).replace(UNKNOWN, "")),
        ("tags", ", ".join(job.get("tags") or [])),
    ]


def _tell(done: list[dict[str, Any]], what: str, out: Out) -> None:
    if out.json:
        print_json([{"uuid": job["uuid"]} for job in done])
    for job in done:
        say(f"{job['uuid']} {what}", out)
