"""Patterns of `Like`: a user's regular expressions, on which no search may hold the platform up."""

from __future__ import annotations

import contextlib
import re
import time

import regex

from ondol.model.errors import InvalidFieldError

SEARCH_S = 2.0  # computing time that the patterns of one filter may take, over all rows [s]
_HOLD_S = 0.005  # longest that a search may keep the other threads waiting [s]
_LONGEST_PATTERN = 256
_LONGEST_SUBJECT = 256  # of a text that Like looks at: bounds what a hostile pattern can cost


class Patience:
    """The time that the patterns of one filter have together.

    Parameters
    ----------
    left_s : computing time [s], above 0
    """

    def __init__(self, left_s: float = SEARCH_S) -> None:
        self._left_s = left_s

    def found(self, pattern: regex.Pattern[str], text: str) -> bool:
        """Whether a text has the pattern; raises InvalidFieldError once the patterns took too long."""
        begun_s = time.thread_time()
        try:
            return _searched(pattern, text[:_LONGEST_SUBJECT], max(self._left_s, 0.001))
        except TimeoutError as error:
            allowed = f"a regular expression that looks through all rows within {SEARCH_S:g} s; alternatives one after "
            raise InvalidFieldError(
                "filter.value", pattern.pattern[:80], allowed + "the other, as in (a|aa)(a|aa)…, take for ever"
            ) from error
        finally:
            self._left_s -= time.thread_time() - begun_s


def _searched(pattern: regex.Pattern[str], text: str, left_s: float) -> bool:
    # Only a search that has shown to be long lets go of the interpreter: doing so queues it behind all other threads.
    with contextlib.suppress(TimeoutError):
        return pattern.search(text, timeout=min(_HOLD_S, left_s)) is not None
    return pattern.search(text, timeout=left_s, concurrent=True) is not None


def safe_pattern(text: str) -> regex.Pattern[str]:
    """Compile a Like pattern; raises InvalidFieldError.

    What is known to run long is refused at once: a quantifier on a group, a back reference, recursion, and more than
    two open repetitions or eight optional parts. `Patience` ends what runs long all the same.
    """
    bare = re.sub(r"\\[^1-9]", "", text)
    open_repeats, optional = sum(bare.count(sign) for sign in "*+{"), bare.count("?")
    if len(text) > _LONGEST_PATTERN or open_repeats > 2 or optional > 8 or re.search(_COSTLY, bare):
        raise InvalidFieldError(
            "filter.value",
            text[:80],
            f"a regular expression of ≤ {_LONGEST_PATTERN} characters with at most two of * + {{}}, none on a group",
        )
    try:
        return regex.compile(text)
    except (regex.error, OverflowError, RecursionError) as error:
        raise InvalidFieldError("filter.value", text, f"a regular expression ({error})") from error


_COSTLY = r"\)[*+?{]|\\[1-9]|\(\?P=|\(\?(?:R|&|P>|[-+]?\d|\(DEFINE)"
