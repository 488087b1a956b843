"""Instance numbers as the wire writes them: "0-2,4-5,17"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ondol.model.errors import InvalidFieldError

MOST_INSTANCES = 2048  # `reference/qarnot-api.md` §2.3
_LONGEST = 2 * 10 * MOST_INSTANCES  # more than any list of that many numbers or ranges of two takes
_RANGES = re.compile(r"[0-9]{1,9}(-[0-9]{1,9})?(,[0-9]{1,9}(-[0-9]{1,9})?)*")


def read_ranges(field: str, text: str) -> tuple[int, ...]:
    """Numbers of "0-2,4", rising, each once; raises InvalidFieldError where it is malformed or holds too many."""
    if len(text) > _LONGEST:
        raise InvalidFieldError(field, text[:80], f"at most {_LONGEST} characters")
    if not _RANGES.fullmatch(text):
        raise InvalidFieldError(field, text[:80], 'numbers and ranges without blanks, e.g. "0-2,4-5,17"')
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        low, high = int(first), int(last or first)
        if high < low:
            raise InvalidFieldError(field, part, "a range that rises, e.g. 2-5")
        if high - low >= MOST_INSTANCES or len(numbers) > MOST_INSTANCES:
            break
        numbers.update(range(low, high + 1))
    else:
        if len(numbers) <= MOST_INSTANCES:
            return tuple(sorted(numbers))
    raise InvalidFieldError(field, text[:80], f"at most {MOST_INSTANCES} instances together")


def write_ranges(numbers: Iterable[int]) -> str:
    """Shortest form of some numbers: 0, 1, 2, 5 is "0-2,5"."""
    runs: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
