"""`ondol task stdout` and `stderr`: what tasks wrote."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.kinds import TASKS, Kind
from ondol.cli.listing import print_json
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import ANY, Which, one
from ondol.cli.task_wait import echo
from ondol.model.errors import InvalidFieldError

Instance = Annotated[int | None, Parameter(name=("--instance-id", "--instance"), help="Only this instance's.")]
Fresh = Annotated[
    bool,
    Parameter(name=("--fresh", "-f"), negative="", help="Only what is new since the last look with --fresh."),
]


def stdout(
    *keys: str,
    instance: Instance = None,
    fresh: Fresh = False,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Print what a task wrote to standard output.

    Parameters
    ----------
    keys:
        Its id or the first digits of it, its short name, or its name.
    """
    print_stream(TASKS, "stdout", keys, instance, fresh=fresh, which=which, out=out, where=where)


def stderr(
    *keys: str,
    instance: Instance = None,
    fresh: Fresh = False,
    which: Which = ANY,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Print what a task wrote to standard error.

    Parameters
    ----------
    keys:
        Its id or the first digits of it, its short name, or its name.
    """
    print_stream(TASKS, "stderr", keys, instance, fresh=fresh, which=which, out=out, where=where)


def print_stream(
    kind: Kind,
    stream: str,
    keys: tuple[str, ...],
    instance: int | None,
    *,
    fresh: bool,
    which: Which,
    out: Out,
    where: Where,
) -> None:
    """Print a stream of a task or pool as it is; as one JSON text where that is asked for."""
    if instance is not None and instance < 0:
        raise InvalidFieldError("--instance-id", instance, "the number of an instance, from 0")
    with open_api(where) as api:
        path = f"{kind.path(str(one(api, kind, keys, which)['uuid']))}/{stream}"
        path += "" if instance is None else f"/{instance}"
        text = api.text(path, method="POST" if fresh else "GET")
    if out.json:
        print_json(text)
    else:
        echo(text)
