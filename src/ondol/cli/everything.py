"""`ondol all`: every task, job and pool of an account at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from cyclopts import Parameter

from ondol.cli.api import Api
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.kinds import JOBS, POOLS, TASKS, Kind, rows
from ondol.cli.listing import field, note, print_json, print_rows, print_text, say
from ondol.cli.objects import open_objects
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import WrongUsageError, Yes, agreed
from ondol.cli.wording import clock
from ondol.model.errors import OndolError

_FINAL = {"task": ("Success", "Failure", "Cancelled"), "pool": ("Closed", "Failure"), "job": ("Completed",)}
_KINDS = (TASKS, JOBS, POOLS)


def everything(
    *,
    list_: Annotated[bool, Parameter(name="--list", negative="")] = False,
    abort: Annotated[bool, Parameter(negative="")] = False,
    delete: Annotated[bool, Parameter(negative="")] = False,
    yes: Yes = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> int:
    """List, end or delete all that your account has: tasks, jobs and pools. Buckets are listed, never removed.

    Parameters
    ----------
    list_:
        List it.
    abort:
        Cancel the tasks, end the jobs, close the pools that are not over.
    delete:
        Remove them all; ledger rows stay.
    """
    if [list_, abort, delete].count(True) != 1:
        raise WrongUsageError("Say one of --list, --abort and --delete")
    with open_api(where) as api:
        found = {kind: list(rows(api, kind)) for kind in _KINDS}
        if list_:
            _print(found, open_objects(api).names(), out)
            return 0
        if abort:
            found = {kind: [row for row in found[kind] if row["state"] not in _FINAL[kind.word]] for kind in _KINDS}
        count = sum(map(len, found.values()))
        if not agreed(
            f"{'Delete' if delete else 'End'} all tasks, jobs and pools:", max(2, count), yes=yes or not count
        ):
            return 1
        return _act(api, found, _delete if delete else _end, out)


def _end(api: Api, kind: Kind, row: dict[str, Any]) -> None:
    word = {"task": "abort", "job": "terminate", "pool": "close"}[kind.word]
    api.post(f"{kind.path(str(row['uuid']))}/{word}")


def _delete(api: Api, kind: Kind, row: dict[str, Any]) -> None:
    api.delete(kind.path(str(row["uuid"])), force="true" if kind is JOBS else None)


def _act(
    api: Api,
    found: dict[Kind, list[dict[str, Any]]],
    act: Callable[[Api, Kind, dict[str, Any]], None],
    out: Out,
) -> int:
    """Do it to each, going on where one fails."""
    done: list[dict[str, str]] = []
    failed = 0
    for kind, some in found.items():
        for row in some:
            try:
                act(api, kind, row)
            except OndolError as error:
                failed += 1
                note(f"{kind.word} {row['uuid']}: {error}", Out(quiet=False))
                continue
            done.append({"kind": kind.word, "uuid": str(row["uuid"])})
    if out.json:
        print_json(done)
    elif out.quiet:
        for one in done:
            print_text(one["uuid"])
    else:
        counts = [f"{sum(one['kind'] == kind.word for one in done)} {kind.word}s" for kind in _KINDS]
        say(", ".join(counts) + (f"; {failed} could not" if failed else ""), out)
    return 1 if failed else 0


def _print(found: dict[Kind, list[dict[str, Any]]], buckets: list[tuple[str, str]], out: Out) -> None:
    every = [{"kind": kind.word, **row} for kind in _KINDS for row in found[kind]]
    every += [{"kind": "bucket", "name": name, "creationDate": made} for name, made in buckets]
    columns = (
        field("KIND", "kind"),
        field("ID", "uuid", lambda value: str(value)[:8] if value else ""),
        field("NAME", "name"),
        field("STATE", "state"),
        field("CREATED (UTC)", "creationDate", clock),
    )
    print_rows(every, columns, out=out, empty="Nothing.", key="uuid")
