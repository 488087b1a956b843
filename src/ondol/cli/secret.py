"""`ondol secrets`: values that you keep at the platform and grant to tasks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from cyclopts import App, Parameter

from ondol.cli.api import Api, RefusedError
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import field, print_json, print_rows, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import WrongUsageError
from ondol.model.errors import InvalidFieldError, NotFoundError

app = App(name="secrets", help="Keep secrets, and grant them to tasks.")
_LARGEST = 1 << 20  # bytes read of a value; the platform takes less

Value = Annotated[
    str | None,
    Parameter(
        allow_leading_hyphen=True,
        help="The value. Better left out, since command lines are remembered and seen: then it is read from "
        "--value-file, or typed unseen, or read from standard input.",
    ),
]
ValueFile = Annotated[Path | None, Parameter(name=("--value-file", "-f"), help="File that holds it; taken as it is.")]


@app.command
def get(key: str, /, *, out: Out = SHOWN, where: Where = HERE) -> None:
    """Print a secret.

    Parameters
    ----------
    key:
        Its name, with slashes for folders.
    """
    path = _path(key)
    with open_api(where) as api:
        value = str(api.get(path)["value"])
    if out.json:
        print_json({"key": key, "value": value})
        return
    sys.stdout.write(value + ("\n" if sys.stdout.isatty() else ""))  # elsewhere as it is, so that it can be piped
    sys.stdout.flush()


@app.command
def create(
    key: str,
    value: Value = None,
    /,
    *,
    value_file: ValueFile = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Keep a new secret; refused where there is one of that name.

    Parameters
    ----------
    key:
        Its name, with slashes for folders.
    """
    path, secret = _path(key), _value(value, value_file)
    with open_api(where) as api:
        api.put(path, {"value": secret}, again=False)
    print_json({"key": key}) if out.json else say(f"{key} is kept", out)


@app.command
def update(
    key: str,
    value: Value = None,
    /,
    *,
    value_file: ValueFile = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Change a secret; jobs that run keep the value they were given.

    Parameters
    ----------
    key:
        Its name.
    """
    path, secret = _path(key), _value(value, value_file)
    with open_api(where) as api:
        api.patch(path, {"value": secret})
    print_json({"key": key}) if out.json else say(f"{key} is changed", out)


@app.command
def delete(key: str, /, *more: str, out: Out = SHOWN, where: Where = HERE) -> None:
    """Forget secrets.

    Parameters
    ----------
    key:
        Its name.
    more:
        Further names.
    """
    paths = {one: _path(one) for one in (key, *more)}
    with open_api(where) as api:
        for one, path in paths.items():
            api.delete(path)
            say(f"{one} is forgotten", out)
    if out.json:
        print_json([{"key": one} for one in (key, *more)])


@app.command(name="list")
def list_(
    prefix: str = "",
    /,
    *,
    recursive: Annotated[bool, Parameter(name=("--recursive", "-r"), negative="")] = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """List the names of secrets, never their values.

    Parameters
    ----------
    prefix:
        Folder to look into.
    recursive:
        With the folders in it.
    """
    folder = prefix.strip("/")
    with open_api(where) as api:
        try:
            keys = sorted(_below(api, folder, deep=recursive))
        except RefusedError as error:
            if error.status != 404:
                raise
            raise NotFoundError("folder of secrets", f"{folder}/; 'ondol secrets list -r' shows all names") from error
    rows = [{"key": key} for key in keys]
    empty = "No secrets: 'ondol secrets create NAME' keeps one."
    print_rows(rows, (field("NAME", "key"),), out=out, empty=empty, key="key")


def _below(api: Api, folder: str, *, deep: bool) -> Iterator[str]:
    start = f"{folder}/" if folder else ""
    found = api.get(f"/secrets-manager/search/{quote(folder)}" if folder else "/secrets-manager/search")
    for name in found["keys"]:
        if deep and name.endswith("/"):
            yield from _below(api, start + name.rstrip("/"), deep=True)
        else:
            yield start + name


def _path(key: str) -> str:
    folded = "/".join(part for part in key.split("/") if part)
    if not folded or any(part in (".", "..") for part in folded.split("/")):
        raise InvalidFieldError("key", key, "a name, with slashes for folders")
    return f"/secrets-manager/data/{quote(folded)}"


def _value(value: str | None, file: Path | None) -> str:
    if value is not None and file is not None:
        raise WrongUsageError("The value is given, or its file, not both")
    if value is not None:
        return value
    if file is not None:
        if file.stat().st_size > _LARGEST:
            raise InvalidFieldError("--value-file", str(file), f"a file of at most {_LARGEST} bytes")
        return file.read_text(encoding="utf-8")
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("Value (unseen): ")
    return sys.stdin.read(_LARGEST).removesuffix("\n")  # what `echo` puts at its end is not meant
