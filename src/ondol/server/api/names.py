"""Names and ids that creations of tasks, jobs and pools hold alike, and their limits (§2.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ondol.model.errors import InvalidFieldError

NOBODY = "00000000-0000-0000-0000-000000000000"  # how C# says "no id"
RESERVED_NAMES = ("paginate", "search", "summaries", "force")  # routes beside /tasks/{shortname}
LONGEST_TEXT = 2047
_SHORTNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,253}[A-Za-z0-9])?")


def id_of(text: str) -> str:
    """An id as it was given, "" where it says that there is none."""
    return "" if text in ("", NOBODY) else text


def name_limits(name: str, shortname: str) -> Iterator[InvalidFieldError]:
    """What is wrong with a name and a shortname."""
    if not name.strip() or len(name) > LONGEST_TEXT or "\0" in name:
        yield InvalidFieldError("name", name[:80], f"a text of 1 to {LONGEST_TEXT} characters")
    if shortname and (not _SHORTNAME.fullmatch(shortname) or shortname.lower() in RESERVED_NAMES):
        yield InvalidFieldError(
            "shortname",
            shortname[:80],
            "1 to 255 of A–Z, a–z, 0–9 and -, letter or digit at both ends, not " + ", ".join(RESERVED_NAMES),
        )
