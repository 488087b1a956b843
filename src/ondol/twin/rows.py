"""Sorted rows of instances as they join and leave lines: merged and thinned out without being sorted anew."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats, Ints
from ondol.twin.compiled import compiled


@compiled
def joined(rows: Ints, more: Ints) -> Ints:
    """Merge two ascending arrays of rows into one."""
    count, i, j = len(rows) + len(more), 0, 0
    result = np.empty(count, dtype=np.int64)
    for k in range(count):
        if j == len(more) or (i < len(rows) and rows[i] <= more[j]):
            result[k] = rows[i]
            i += 1
        else:
            result[k] = more[j]
            j += 1
    return result


@compiled
def without(rows: Ints, gone: Ints) -> Ints:
    """Leave out of ascending rows those that are in another ascending array."""
    result = np.empty(len(rows), dtype=np.int64)
    count, j = 0, 0
    for i in range(len(rows)):
        while j < len(gone) and gone[j] < rows[i]:
            j += 1
        if j == len(gone) or gone[j] != rows[i]:
            result[count] = rows[i]
            count += 1
    return result[:count].copy()


@compiled
def sorted_by_kind(rows: Ints, kind: Ints, kinds: int) -> tuple[Ints, Ints]:
    """Ascending rows of each kind, one kind after the other, and where each of them begins (kinds + 1,)."""
    at = np.zeros(kinds + 1, dtype=np.int64)
    ascending = np.sort(rows)
    for row in ascending:
        at[kind[row] + 1] += 1
    for number in range(kinds):
        at[number + 1] += at[number]
    result, following = np.empty(len(rows), dtype=np.int64), at.copy()
    for row in ascending:
        result[following[kind[row]]] = row
        following[kind[row]] += 1
    return result, at


@compiled
def staged(held: Ints, attempt: Ints, ready_s: Floats, staging: int, until_s: float) -> tuple[Ints, int]:
    """Held rows that are in the state `staging` and ready by a time; and how many are in it and are not."""
    due, count, later = np.empty(len(held), dtype=np.int64), 0, 0
    for row in held:
        if attempt[row] == staging:
            if ready_s[row] <= until_s:
                due[count] = row
                count += 1
            else:
                later += 1
    return due[:count], later
