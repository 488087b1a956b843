"""Which bucket, keys and files a command means: one grammar for all verbs of `ondol bucket`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ondol.cli.objects import files_below
from ondol.cli.selection import WrongUsageError
from ondol.model.errors import NotFoundError

BucketName = Annotated[str | None, Parameter(name=("--name", "-n"), help="The bucket, in place of the first name.")]


def named(option: str | None, names: Sequence[str], *, needed: bool = True) -> tuple[str, tuple[str, ...]]:
    """Part what stands on the command line into the bucket and the rest.

    Parameters
    ----------
    option : the bucket where it is named by an option; then the rest is all of it
    needed : a bucket there must be; else "" where there is none

    Raises WrongUsageError where a bucket is missing.
    """
    if option:
        return option, tuple(names)
    if not names:
        if needed:
            raise WrongUsageError("Which bucket? Name it, or give --name")
        return "", ()
    return names[0], tuple(names[1:])


def trimmed(key: str) -> str:
    """Key without what a path may begin with: keys begin with a name."""
    while key.startswith(("./", "/")):
        key = key.removeprefix("./").lstrip("/")
    return "" if key == "." else key


def as_folder(prefix: str) -> str:
    """Prefix that means what lies in a folder: with a slash at its end, "" for all of the bucket."""
    cut = trimmed(prefix)
    return cut if not cut or cut.endswith("/") else cut + "/"


def found_files(files: Iterable[Path], folders: Iterable[Path], prefix: str) -> list[tuple[str, Path]]:
    """(key, file) of files, which keep their name, and of what is below folders, where the names below are kept.

    Raises NotFoundError for what is not there.
    """
    found: list[tuple[str, Path]] = []
    for file in files:
        if not file.is_file():
            raise NotFoundError("file", str(file))
        found.append((prefix + file.name, file))
    for folder in folders:
        found += [(prefix + below, file) for below, file in files_below(folder)]
    return found
