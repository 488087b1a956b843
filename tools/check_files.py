"""Looks at the length and the name of every Python file of the tree.

Run: python tools/check_files.py. More than 400 lines are a warning (think), more than 800 an error (split), and so is
a name that says nothing.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

WARN_LINES, MOST_LINES = 400, 800
ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("src", "tests", "tools")
ODD = re.compile(r"(?:^|_)(?:managers?|helpers?|utils?|utilit(?:y|ies)|commons?|misc)(?:_|$)")


def python_files(root: Path) -> list[Path]:
    """Give the Python files that git would carry; all of them where there is no git."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *ROOMS]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        return sorted(path for room in ROOMS for path in (root / room).rglob("*.py"))
    return sorted(path for name in listed if name.endswith(".py") and (path := root / name).is_file())


def findings(root: Path) -> Iterator[tuple[bool, str]]:
    """Say what is wrong with the files under `root`: whether it is an error, and the words."""
    for path in python_files(root):
        name = path.relative_to(root)
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > WARN_LINES:
            yield lines > MOST_LINES, f"{name}: {lines} lines; think above {WARN_LINES}, split above {MOST_LINES}"
        for part in (*name.parts[:-1], name.stem):
            if ODD.search(part.lower()):
                yield True, f"{name}: '{part}' says nothing; name it after what it holds"


def main() -> int:
    """Print the findings; 1 where one is an error."""
    failed = False
    for error, words in findings(ROOT):
        failed |= error
        sys.stdout.write(f"{'error' if error else 'warning'}: {words}\n")
    sys.stdout.write("files: " + ("see the errors above\n" if failed else "lengths and names are fine\n"))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
