"""Which tasks, pools or jobs a command is about: named one by one, or by what they have in common."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Group, Parameter

from ondol.cli.api import Api
from ondol.cli.kinds import Kind, find_one, literal, rows
from ondol.cli.listing import note
from ondol.cli.output import Out
from ondol.model.errors import ConflictError, InvalidFieldError, OndolError

GROUP = Group("Which", sort_key=80)
Several = list[str] | None


class WrongUsageError(OndolError):
    """The options do not say what to do; exit code 2."""


def several(help: str, *names: str) -> Parameter:  # noqa: A002 - as cyclopts calls it
    """Give an option that takes one value or more, and may be repeated."""
    return Parameter(name=names or None, negative="", consume_multiple=True, help=help)


@Parameter(name="*", group=GROUP)
@dataclass(frozen=True, kw_only=True)
class Which:
    """Options that choose among what one has."""

    id: Annotated[Several, several("Ids; like the names on the command line.", "--id", "-i")] = None
    name: Annotated[str | None, Parameter(name=("--name", "-n"), help="All of this name.")] = None
    shortname: Annotated[Several, several("Short names.", "--shortname", "-s")] = None
    tags: Annotated[Several, several("Those with any of these tags.", "--tags", "--tag", "-t")] = None
    exclusive_tags: Annotated[Several, several("Those with all of these tags.", "--exclusive-tags")] = None
    name_prefix: Annotated[str | None, Parameter(help="Those whose names begin so.")] = None
    created_before: Annotated[
        str | None, Parameter(help="Those made before an ISO 8601 time of the platform's clock (UTC).")
    ] = None
    created_after: Annotated[str | None, Parameter(help="Those made after one.")] = None
    every: Annotated[bool, Parameter(name=("--all", "-a"), negative="", help="All of them.")] = False

    @property
    def explicit(self) -> tuple[str, ...]:
        """Those that are named one by one."""
        return (*(self.id or ()), *(self.shortname or ()))

    def filter(self, *more: dict[str, Any]) -> dict[str, Any] | None:
        """Filter of the paginate routes; None where nothing is asked for.

        Parameters
        ----------
        more : leaves that have to hold too
        """
        leaves = list(more)
        if self.name is not None:
            leaves.append(_leaf("Equal", "Name", self.name))
        if self.name_prefix is not None:
            leaves.append(_leaf("Like", "Name", "^" + literal(self.name_prefix)))
        if self.created_before is not None:
            leaves.append(_leaf("LessThan", "CreationDate", _time("--created-before", self.created_before)))
        if self.created_after is not None:
            leaves.append(_leaf("GreaterThan", "CreationDate", _time("--created-after", self.created_after)))
        if self.tags:
            leaves.append({"operator": "Or", "filters": [_leaf("Equal", "Tags", tag) for tag in self.tags]})
        leaves += [_leaf("Equal", "Tags", tag) for tag in self.exclusive_tags or ()]
        return {"operator": "And", "filters": leaves} if leaves else None


ANY = Which()
Yes = Annotated[bool, Parameter(name=("--yes", "-y"), negative="", help="Do not ask.")]


def chosen(api: Api, kind: Kind, keys: Sequence[str], which: Which, *, whole: bool = False) -> list[dict[str, Any]]:
    """Give what a command is about; each once.

    Parameters
    ----------
    keys : from the command line
    whole : with all that is known of each; summaries may do

    Raises WrongUsageError where nothing is chosen or two ways are mixed, NotFoundError for a key that fits nothing.
    """
    named = (*keys, *which.explicit)
    wanted = which.filter()
    if named:
        if wanted is not None or which.every:
            raise WrongUsageError(f"Name {kind.word}s one by one, or by what they have in common, not both")
        found = {str(row["uuid"]): row for row in (find_one(api, kind, key) for key in named)}
        return list(found.values())
    if wanted is None and not which.every:
        raise WrongUsageError(f"Which {kind.word}s? Name some, choose by --name, --tags and the like, or say --all")
    return list(rows(api, kind, wanted, whole=whole))


def one(api: Api, kind: Kind, keys: Sequence[str], which: Which) -> dict[str, Any]:
    """Give the one thing that a command is about, whole; raises ConflictError where it is none or several."""
    found = chosen(api, kind, keys, which, whole=True)
    if len(found) != 1:
        raise ConflictError(f"{len(found) or 'No'} {kind.word}s fit, this is for one: name it by its id")
    return found[0]


def agreed(what: str, count: int, *, yes: bool) -> bool:
    """Whether a person wants it done to more than one; where nobody can be asked, it was meant."""
    if yes or count < 2 or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    sys.stderr.write(f"{what} {count}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def do_to_each(
    found: Sequence[dict[str, Any]], act: Callable[[dict[str, Any]], None], out: Out
) -> tuple[list[dict[str, Any]], int]:
    """Do something to each, going on where one fails; gives those that it was done to, and the exit code."""
    done: list[dict[str, Any]] = []
    for row in found:
        try:
            act(row)
        except OndolError as error:
            if len(found) == 1:
                raise
            note(f"{row['uuid']}: {error}", Out(quiet=False))
            continue
        done.append(row)
    if not found:
        note("None fits.", out)
    return done, 0 if len(done) == len(found) else 1


def _leaf(operator: str, field: str, value: str) -> dict[str, Any]:
    return {"operator": operator, "field": field, "value": value}


def _time(option: str, text: str) -> str:
    try:
        when = dt.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidFieldError(option, text, "a time such as 2026-01-15 or 2026-01-15T08:00:00Z") from error
    when = when.replace(tzinfo=dt.UTC) if when.tzinfo is None else when.astimezone(dt.UTC)
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
