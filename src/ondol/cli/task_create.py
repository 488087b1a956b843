"""`ondol task create`: submits one task, or all of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Group, Parameter

from ondol.cli.admission_said import tell_admission
from ondol.cli.api import Api
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.creation import HARDWARE, PLACE, WORK, Hardware, Place, Work, said
from ondol.cli.creation_file import read_bodies
from ondol.cli.kinds import JOBS, POOLS, TASKS, find_one
from ondol.cli.listing import note, print_json, print_text
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import Several, WrongUsageError, several
from ondol.cli.task_body import task_body
from ondol.cli.task_finish import finish
from ondol.model.errors import InvalidFieldError

_MOST_AT_ONCE = 1000  # tasks of one request: each answer is held whole on both sides
_GROUPS = Group("What", sort_key=10), Group("Where and when", sort_key=15), Group("Snapshots", sort_key=25)
_WHAT, _WHEN, _SNAPSHOTS = _GROUPS


def create(
    *,
    name: Annotated[str | None, Parameter(name=("--name", "-n"), group=_WHAT)] = None,
    command: Annotated[str | None, Parameter(allow_leading_hyphen=True, group=_WHAT)] = None,
    instances: Annotated[int | None, Parameter(name=("--instances", "--instance", "-i"), group=_WHAT)] = None,
    ranges: Annotated[str | None, Parameter(name="--range", group=_WHAT)] = None,
    work: Work = WORK,
    result: Annotated[str | None, Parameter(group=_WHAT)] = None,
    result_ttl: Annotated[int | None, Parameter(group=_WHAT)] = None,
    whitelist: Annotated[str | None, Parameter(group=_WHAT, allow_leading_hyphen=True)] = None,
    blacklist: Annotated[str | None, Parameter(group=_WHAT, allow_leading_hyphen=True)] = None,
    upload_on_cancel: Annotated[bool | None, Parameter(negative="", group=_WHAT)] = None,
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
    wait_for_resources_synchronization: Annotated[bool | None, Parameter(negative="", group=_WHEN)] = None,
    place: Place = PLACE,
    deadline: Annotated[str | None, Parameter(allow_leading_hyphen=True, group=_WHEN)] = None,
    expected: Annotated[str | None, Parameter(group=_WHEN)] = None,
    cap: Annotated[float | None, Parameter(group=_WHEN)] = None,
    time_limit: Annotated[str | None, Parameter(group=_WHEN)] = None,
    hardware: Hardware = HARDWARE,
    periodic: Annotated[int | None, Parameter(group=_SNAPSHOTS)] = None,
    wait: Annotated[bool, Parameter(negative="")] = False,
    stdout: Annotated[bool, Parameter(name=("--stdout", "-o"), negative="")] = False,
    stderr: Annotated[bool, Parameter(name=("--stderr", "-e"), negative="")] = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> int:
    """Submit a task, or all of a file; prints their ids.

    Parameters
    ----------
    name:
        What you call it.
    command:
        Command that each instance runs; ${INSTANCE_ID} and constants are filled in, no shell is involved.
    instances:
        How many instances, numbered from 0. [default: 1]
    ranges:
        Which instances, e.g. 0-2,4-5,17, in place of --instances.
    result:
        BUCKET or BUCKET/PREFIX for what the job leaves in its folder.
    result_ttl:
        Seconds that a site keeps the results at hand.
    whitelist:
        Regular expression of the files to upload.
    blacklist:
        Regular expression of the files to leave out.
    upload_on_cancel:
        Upload what there is when it is cancelled.
    job:
        Job that it belongs to.
    pool:
        Pool whose slots it runs in.
    wait_for_resources_synchronization:
        In a pool: start once the slot has the pool's newest files.
    deadline:
        By when a flex task wants to be done, e.g. +2h on the platform's clock, or an ISO 8601 time.
    expected:
        How long an instance is expected to run at full speed, on the platform's clock: 15min, 2h.
    cap:
        Share of its slots' full speed that it takes at most, 0.1 to 1: less power for longer.
    time_limit:
        End an attempt as failed after so long, wall time: 2h.
    periodic:
        Upload the results so far every so many seconds.
    wait:
        Wait until it is over; exit code 0 success, 3 failure, 4 cancelled.
    stdout:
        Wait, and print what it writes to standard output as it comes.
    stderr:
        Wait, and print what it writes to standard error.
    """
    options = said(
        work, place, hardware,
        name=name, command=command, instances=instances, range=ranges, result=result, result_ttl=result_ttl,
        whitelist=whitelist, blacklist=blacklist, upload_on_cancel=upload_on_cancel, job=job, pool=pool,
        depends_on=depends_on, wait_for_resources_synchronization=wait_for_resources_synchronization,
        deadline=deadline, expected=expected, cap=cap, time_limit=time_limit,
    )  # fmt: skip
    if periodic is not None and periodic < 1:
        raise InvalidFieldError("--periodic", periodic, "seconds, 1 or more")
    files: list[dict[str, Any]] = [{}] if work.file is None else read_bodies(work.file)
    if name is None and work.file is None:
        raise WrongUsageError("Parameter --name is required, or a --file ('ondol task create --help' shows how)")
    with open_api(where) as api:
        bodies = [body_of(api, options, one) for one in files]
        made, code = _submit(api, bodies, listed=work.file is not None and len(bodies) > 1)
        tell_admission(api, made, out)
        if periodic is not None:
            for task_id in made:
                api.post(f"{TASKS.path(task_id)}/snapshot/periodic", {"interval": periodic, **_filters(options)})
        if wait or stdout or stderr:
            return max(code, finish(api, made, out, stdout=stdout, stderr=stderr, alone=work.file is None))
    if out.json:
        ids = [{"uuid": task_id} for task_id in made]
        print_json(ids[0] if work.file is None else ids)
    else:
        for task_id in made:
            print_text(task_id)
    return code


def body_of(api: Api, options: Mapping[str, Any], file: Mapping[str, Any]) -> dict[str, Any]:
    """Body of one task; its job and pool by their ids, and with the pool's profile where a command needs it."""
    low = {key.lower(): value for key, value in file.items()}
    named = dict(options)
    pool = named.get("pool") or low.get("pool") or low.get("pooluuid")
    job = named.get("job") or low.get("job") or low.get("jobuuid")
    if job:
        found = find_one(api, JOBS, str(job))
        named["job"] = str(found["uuid"])
        pool = pool or found.get("poolUuid")
    profile_there = ""
    if pool:
        there = find_one(api, POOLS, str(pool))
        profile_there = str(there.get("profile") or "")
        if not job:
            named["pool"] = str(there["uuid"])
    return task_body(named, file=file, profile_there=profile_there)


def _submit(api: Api, bodies: list[dict[str, Any]], *, listed: bool) -> tuple[list[str], int]:
    """Ids of what was accepted, and the exit code; what was refused is told."""
    if not listed:
        return [str(api.create("/tasks", body)["uuid"]) for body in bodies], 0
    made: list[str] = []
    for first in range(0, len(bodies), _MOST_AT_ONCE):
        part = bodies[first : first + _MOST_AT_ONCE]
        for body, answer in zip(part, api.create("/tasks", part), strict=True):
            if answer.get("uuid"):
                made.append(str(answer["uuid"]))
            else:
                note(f"{body.get('name')}: {answer.get('message')}", Out(quiet=False))
    return made, 0 if len(made) == len(bodies) else 1


def _filters(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("whitelist", "blacklist") if name in options}
