"""How a command shows what it found: options that all commands for people and programs share."""

from __future__ import annotations

import enum
import os
import sys
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

GROUP = Group("Output", sort_key=90)


class Format(enum.Enum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


@Parameter(name="*", group=GROUP)
@dataclass(frozen=True, kw_only=True)
class Out:
    """Options of every command that shows something."""

    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="Print JSON for programs in place of a table.")
    ] = False
    format: Annotated[Format | None, Parameter(help="The same by its longer name, --format JSON.")] = None
    quiet: Annotated[
        bool,
        Parameter(name=("--quiet", "-q"), negative="", help="Ids only; no messages, no progress."),
    ] = False
    no_color: Annotated[bool, Parameter(negative="", help="No colours [env: NO_COLOR].")] = False
    human_readable: Annotated[bool, Parameter(negative="", show=False)] = False  # sizes and times always are

    @property
    def json(self) -> bool:
        """Whether a program reads it."""
        return self.as_json or self.format is Format.JSON

    @property
    def color(self) -> bool:
        """Whether a terminal may be given colours (https://no-color.org)."""
        return not self.no_color and not os.environ.get("NO_COLOR")

    @property
    def progress(self) -> bool:
        """Whether somebody looks who wants to see how far it is."""
        return not self.quiet and sys.stderr.isatty()


SHOWN = Out()
