"""Tables and JSON on standard output: people get the first, `--json` gives the second."""

from __future__ import annotations

import io
import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from ondol.cli.harmless import harmless, harmless_json
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import UNKNOWN

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON for programs in place of a table.")]
WIDTH = 80  # columns of the terminal that everybody has
_PIPE_WIDTH = 1000  # a reader at the other end of a pipe wants whole cells


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    heading : over it
    cell : makes the text of a row
    right : figures stand to the right
    folds : where the table has a width, its cells go on in a next line; those of other columns never do
    lines : its cells have lines of their own
    """

    heading: str
    cell: Callable[[Mapping[str, Any]], object]
    right: bool = False
    folds: bool = True
    lines: bool = False


def field(
    heading: str,
    key: str,
    show: Callable[[Any], str] | None = None,
    *,
    right: bool = False,
    folds: bool = True,
) -> Column:
    """Give a column that shows one key of a row (dots lead inside), a dash where it has none."""

    def cell(row: Mapping[str, Any]) -> object:
        value: Any = row
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return show(value) if show is not None else value

    return Column(heading, cell, right, folds)


def stdout_console(out: Out = SHOWN) -> Console:
    """Give a console on standard output: colour and its width on a terminal, plain and wide elsewhere."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    width = None if terminal else _PIPE_WIDTH
    return Console(width=width, highlight=False, soft_wrap=not terminal, no_color=None if out.color else True)


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=not _can_print("°"), default=_plain)
    sys.stdout.write(harmless_json(text).encode(_encoding(), "backslashreplace").decode(_encoding()) + "\n")


def print_rows(
    rows: Sequence[Mapping[str, Any]],
    columns: Iterable[Column],
    *,
    as_json: bool = False,
    out: Out = SHOWN,
    empty: str = "Nothing there.",
    key: str = "",
    width: int | None = None,
) -> None:
    """Print rows as a table or as JSON, where each row is shown whole.

    Parameters
    ----------
    as_json : the same as `out.json`, for commands with no other choice
    empty : said in place of a table without rows
    key : the one field of a row that is printed where few words are wanted
    width : columns of the terminal that it keeps to, also in a pipe; as wide as its cells where left out
    """
    if as_json or out.json:
        print_json(list(rows))
        return
    if out.quiet and key:
        for row in rows:
            print_text(str(row.get(key, "")))
        return
    if not rows:
        say(empty, out)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False, header_style="bold")
    shown = tuple(columns)
    for column in shown:
        justify: Literal["left", "right"] = "right" if column.right else "left"
        table.add_column(
            column.heading, justify=justify, overflow="fold", no_wrap=width is not None and not column.folds
        )
    for row in rows:
        cells = [(column.cell(row), "\n" if column.lines else "") for column in shown]
        told = (UNKNOWN if cell is None or cell == "" else harmless(str(cell), keep=keep) for cell, keep in cells)
        table.add_row(*map(Text, told))
    print_rich(table, out, width=width)


def print_pairs(pairs: Iterable[tuple[str, object]], out: Out = SHOWN, *, width: int | None = None) -> None:
    """Print names and values in two columns; what is None or empty is left out."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None and value != "":
            table.add_row(Text(harmless(name)), Text(harmless(str(value), keep="\n")))
    print_rich(table, out, width=width)


def print_rich(renderable: RenderableType, out: Out = SHOWN, *, width: int | None = None) -> None:
    """Print something that rich draws; without trailing blanks where nobody sees them."""
    console = stdout_console(out)
    if console.is_terminal:
        console.print(renderable, width=None if width is None else min(width, console.width))
        return
    from rich.console import Console

    buffer = io.StringIO()
    Console(file=buffer, width=width or _PIPE_WIDTH, highlight=False, color_system=None).print(renderable)
    print_text("\n".join(line.rstrip() for line in buffer.getvalue().splitlines()))


def print_text(text: str) -> None:
    """Print a line, with marks in place of letters that the terminal cannot show."""
    sys.stdout.write(harmless(text, keep="\n\t").encode(_encoding(), "replace").decode(_encoding()) + "\n")


def print_paragraph(text: str, *, label: str = "") -> None:
    """Print a text in lines of `WIDTH`; with a label, the lines behind the first are indented."""
    told = f"{label}: {text}" if label else text
    print_text(textwrap.fill(told, WIDTH, subsequent_indent="  " if label else "", break_long_words=False))


def say(text: str, out: Out) -> None:
    """Print a message for people; nothing where only results are wanted."""
    if not out.quiet and not out.json:
        print_text(text)


def note(text: str, out: Out) -> None:
    """Tell people something beside the results, on standard error."""
    if not out.quiet:
        encoding = sys.stderr.encoding or "utf-8"
        sys.stderr.write(harmless(text, keep="\n\t").encode(encoding, "replace").decode(encoding) + "\n")
        sys.stderr.flush()


def _encoding() -> str:
    return sys.stdout.encoding or "utf-8"


def _can_print(text: str) -> bool:
    try:
        text.encode(_encoding())
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: object) -> object:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
