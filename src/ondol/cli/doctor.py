"""`ondol doctor`: what this machine can do, and what to install for more."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ondol.cli.listing import AsJson, print_json, print_rich, print_text
from ondol.control.layout import data_folder

if TYPE_CHECKING:
    from ondol.cli.doctor_checks import Finding, Mark


def doctor(*, data: Path | None = None, as_json: AsJson = False) -> int:
    """Tell what this machine can do for a platform; exit code 1 where something that it needs is missing.

    Parameters
    ----------
    data:
        Data folder that the platform would use [env: ONDOL_DATA, default: ./var/ondol].
    """
    from ondol.cli.doctor_checks import Mark, examine

    findings = examine(data_folder(data).path)
    missing = sum(finding.mark is Mark.MISSING for finding in findings)
    if as_json:
        rows = [{"what": f.what, "mark": f.mark.value, "found": f.found, "advice": f.advice} for f in findings]
        print_json({"ok": not missing, "findings": rows})
        return 1 if missing else 0
    _print_findings(findings)
    less = sum(finding.mark is Mark.LESS for finding in findings)
    if missing:
        print_text(f"\nOndol does not run here yet: {missing} missing.")
    else:
        print_text("\nOndol runs here." + (f" {less} lines say how it would run better." if less else ""))
    return 1 if missing else 0


def _print_findings(findings: list[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        sign, style = _sign(finding.mark)
        words = Text(finding.found)
        if finding.advice:
            words.append(("\n" if sys.stdout.isatty() else "; ") + finding.advice, style="dim")
        table.add_row(Text(sign, style=style), finding.what, words)
    print_rich(table)


def _sign(mark: Mark) -> tuple[str, str]:
    return {"ok": ("OK", "bold #009E73"), "less": ("–", "bold #E69F00"), "missing": ("!", "bold #D55E00")}[mark.value]
