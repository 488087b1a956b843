"""`ondol task clone`, `retry`, `recover`, `resume`: new tasks made of old ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.creation import said
from ondol.cli.creation_body import body_of
from ondol.cli.creation_file import merged, read_bodies
from ondol.cli.kinds import TASKS
from ondol.cli.listing import print_json, print_text
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import ANY, Several, Which, one, several
from ondol.cli.task_finish import finish


@Parameter(name="*", group=Group("What is different", sort_key=10))
@dataclass(frozen=True, kw_only=True)
class Changes:
    """What the new task has otherwise."""

    new_name: Annotated[str | None, Parameter(help="Its name; that of the old one where nothing is said.")] = None
    new_shortname: Annotated[str | None, Parameter(help="Its short name.")] = None
    constants: Annotated[
        Several, several("NAME=VALUE …, in place of all constants of the old one.", "--constants", "--constant", "-c")
    ] = None
    result: Annotated[str | None, Parameter(help="BUCKET or BUCKET/PREFIX for the results.")] = None
    file: Annotated[
        Path | None,
        Parameter(
            name=("--file", "-f"),
            help="File with what is different: JSON, YAML or TOML; - is standard input.",
            allow_leading_hyphen=True,
        ),
    ] = None
    wait: Annotated[bool, Parameter(negative="", help="Wait until it is over; exit code as of 'ondol task wait'.")] = (
        False
    )


SAME = Changes()


def clone(
    *keys: str,
    instances: int | None = None,
    changes: Changes = SAME,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> int:
    """Submit a task like another; prints its id.

    Parameters
    ----------
    keys:
        Id or first digits of the other, its short name, or its name.
    instances:
        How many instances; those of the other where nothing is said.
    """
    return _again("clone", keys, changes, instances, which=which, out=out, where=where)


def retry(*keys: str, changes: Changes = SAME, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> int:
    """Submit the failed instances of a task as a new one; prints its id.

    Parameters
    ----------
    keys:
        Id or first digits of the old one, its short name, or its name.
    """
    return _again("retry", keys, changes, None, which=which, out=out, where=where)


def recover(*keys: str, changes: Changes = SAME, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> int:
    """Submit the failed and the cancelled instances of a task as a new one; prints its id.

    Parameters
    ----------
    keys:
        Id or first digits of the old one, its short name, or its name.
    """
    return _again("recover", keys, changes, None, which=which, out=out, where=where)


def resume(*keys: str, changes: Changes = SAME, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> int:
    """Submit the cancelled instances of a task as a new one; prints its id.

    Parameters
    ----------
    keys:
        Id or first digits of the old one, its short name, or its name.
    """
    return _again("resume", keys, changes, None, which=which, out=out, where=where)


def _again(
    word: str,
    keys: tuple[str, ...],
    changes: Changes,
    instances: int | None,
    *,
    which: Which,
    out: Out,
    where: Where,
) -> int:
    options = said(
        name=changes.new_name,
        shortname=changes.new_shortname,
        constants=changes.constants,
        result=changes.result,
        instances=instances,
    )
    below = body_of(read_bodies(changes.file)[0]) if changes.file is not None else {}
    body = merged(below, body_of(options))
    with open_api(where) as api:
        old = str(one(api, TASKS, keys, which)["uuid"])
        task_id = str(api.create(f"{TASKS.path(old)}/{word}", body)["uuid"])
        if changes.wait:
            return finish(api, [task_id], out)
    print_json({"uuid": task_id}) if out.json else print_text(task_id)
    return 0
