"""Which files of a job's folder are its results: what it made or changed and its lists let through, within bounds."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import regex

from ondol.model.errors import ConflictError, InvalidFieldError

MOST_FILES = 100_000  # results of one attempt
MOST_BYTES = 64 * 2**30  # results of one attempt, as `ls` shows their sizes: a sparse file counts whole
SEARCH_S = 2.0  # computing time that the lists of one upload may take [s]
_HOLD_S = 0.005  # longest that a search may keep the other threads waiting [s]
_LONGEST = 16_384  # characters of a pattern once its names are filled in
_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CALL = re.compile(r"\(\?(?:R|&|P>|[-+]?\d|\(DEFINE)")  # recursion, which no standard expression has: it eats memory
_PAIR = re.compile(r"\\.", re.DOTALL)

Fingerprint = list[int]


class ResultLists:
    """White and black list of a task, for one look at one folder.

    Patterns are the user's: one that never comes to an end is stopped after `SEARCH_S` in all.

    Raises InvalidFieldError for a pattern that cannot be read.
    """

    def __init__(self, white: str, black: str, environment: Mapping[str, str]) -> None:
        self._white = compiled("resultsWhitelist", white, environment) if white else None
        self._black = compiled("resultsBlacklist", black, environment) if black else None
        self._left_s = SEARCH_S

    def let_through(self, path: str) -> bool:
        """Whether a file is a result by its path; InvalidFieldError where the patterns took too long."""
        if self._white is not None and not self._found("resultsWhitelist", self._white, path):
            return False
        return self._black is None or not self._found("resultsBlacklist", self._black, path)

    def _found(self, field: str, pattern: regex.Pattern[str], path: str) -> bool:
        begun_s = time.thread_time()
        try:
            return _searched(pattern, path, max(self._left_s, 0.001))
        except TimeoutError as error:
            raise InvalidFieldError(
                field,
                pattern.pattern[:80],
                f"a pattern that looks through all names within {SEARCH_S:g} s; "
                "repeats within repeats, as in (a+)+, take for ever",
            ) from error
        finally:
            self._left_s -= time.thread_time() - begun_s


def _searched(pattern: regex.Pattern[str], path: str, left_s: float) -> bool:
    # Letting go of the interpreter for every name would mean to queue for it a hundred thousand times, so a search
    # does that only once it has shown that it is long.
    with contextlib.suppress(TimeoutError):
        return pattern.search(path, timeout=min(_HOLD_S, left_s)) is not None
    return pattern.search(path, timeout=left_s, concurrent=True) is not None


def compiled(field: str, text: str, environment: Mapping[str, str]) -> regex.Pattern[str]:
    """Make a pattern of a list, `${NAME}` of the environment filled in as plain text; other names stay.

    Raises InvalidFieldError where it is no regular expression, or too long.
    """
    filled = _filled(field, text, environment)
    if _CALL.search(_PAIR.sub("", filled)):
        raise InvalidFieldError(field, text[:80], "a regular expression without recursion")
    try:
        return regex.compile(filled)
    except (regex.error, OverflowError, RecursionError) as error:
        raise InvalidFieldError(field, text[:80], f"a regular expression ({error})") from error


def _filled(field: str, text: str, environment: Mapping[str, str]) -> str:
    parts, at, length = [], 0, len(text)
    for found in _NAME.finditer(text):
        value = environment.get(found[1])
        if value is not None:
            parts += [text[at : found.start()], re.escape(value)]
            at = found.end()
            length += len(parts[-1])
        if length > _LONGEST:
            raise InvalidFieldError(
                field, text[:80], f"at most {_LONGEST} characters once the constants that it names are filled in"
            )
    return "".join((*parts, text[at:]))


def files_below(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Regular files below a folder: path from there, and status. Links are never followed.

    What a running job removes meanwhile is passed over. Raises ConflictError for a folder that cannot be read.
    """
    waiting = [""]
    while waiting:
        where = waiting.pop()
        for name, status in _entries(folder, where):
            path = f"{where}/{name}" if where else name
            if stat.S_ISDIR(status.st_mode):
                waiting.append(path)
            elif stat.S_ISREG(status.st_mode):
                yield path, status


def _entries(folder: Path, where: str) -> list[tuple[str, os.stat_result]]:
    found = []
    try:
        with os.scandir(folder / where) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ConflictError(
            f"The job's folder {where[:200]} cannot be read ({error.strerror}): leave it readable, with a shorter path"
        ) from error
    return found


def fingerprint(status: os.stat_result) -> Fingerprint:
    """What tells a file that was changed from one that was not."""
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def results(
    folder: Path, before: Mapping[str, Sequence[Fingerprint]], lists: ResultLists, most_bytes: int
) -> list[str]:
    """Paths of the results in a job's folder, sorted.

    Parameters
    ----------
    before : the files that are inputs, each with the fingerprints under which it is one
    most_bytes : sum of their sizes

    Raises InvalidFieldError where there are too many or too large ones, or the lists take too long.
    """
    paths, size = [], 0
    for path, status in files_below(folder):
        if fingerprint(status) in before.get(path, ()) or not lists.let_through(path):
            continue
        paths.append(path)
        size += status.st_size
        if len(paths) > MOST_FILES:
            raise InvalidFieldError(
                "result files", f"over {MOST_FILES}", f"at most {MOST_FILES}: pack them, or narrow resultsWhitelist"
            )
        if size > most_bytes:
            raise InvalidFieldError(
                "bytes of result files",
                size,
                f"at most {most_bytes} in all, holes counted: remove what is not needed, or narrow resultsWhitelist",
            )
    return sorted(paths)
