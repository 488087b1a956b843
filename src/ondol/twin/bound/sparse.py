"""Numbers the variables and rows of a programme, and collects its matrix as triplets of whole arrays."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ondol.model.view import Bools, Ints
from ondol.thermal.arrays import Floats


class Numbering:
    """Hands out consecutive numbers to the places of masks, with a lower and an upper bound each."""

    def __init__(self) -> None:
        self.count = 0
        self._low: list[Floats] = []
        self._high: list[Floats] = []

    def take(self, mask: Bools, low: Floats | float, high: Floats | float) -> Ints:
        """Number the places where `mask` is set; −1 elsewhere. Bounds broadcast to the mask."""
        numbers = np.full(mask.shape, -1, dtype=np.int64)
        new = int(mask.sum())
        numbers[mask] = np.arange(self.count, self.count + new)
        self.count += new
        self._low.append(np.broadcast_to(low, mask.shape)[mask])
        self._high.append(np.broadcast_to(high, mask.shape)[mask])
        return numbers

    def bounds(self) -> tuple[Floats, Floats]:
        """Lower and upper bound of all that was numbered."""
        return np.concatenate(self._low).astype(np.float64), np.concatenate(self._high).astype(np.float64)


class Triplets:
    """Entries (row, column, value) of a sparse matrix."""

    def __init__(self) -> None:
        self._rows: list[Ints] = []
        self._columns: list[Ints] = []
        self._values: list[Floats] = []

    def add(self, rows: Ints, columns: Ints, values: Floats | float) -> None:
        """Add entries; the three broadcast to one shape, and places with a number of −1 or the value 0 are left out."""
        row, column, value = np.broadcast_arrays(rows, columns, np.asarray(values, dtype=np.float64))
        there = (row >= 0) & (column >= 0) & (value != 0.0)
        self._rows.append(row[there])
        self._columns.append(column[there])
        self._values.append(value[there])

    def matrix(self, rows: int, columns: int) -> sparse.csc_matrix:
        """The matrix, entries of one place added up, columns in order."""
        entries = np.concatenate(self._values)
        places = (np.concatenate(self._rows), np.concatenate(self._columns))
        return sparse.coo_matrix((entries, places), shape=(rows, columns)).tocsc()


def pick(values: Floats, numbers: Ints) -> Floats:
    """Lay the values of numbered things out in the shape of their numbers; 0 where there is none."""
    return np.where(numbers >= 0, values[np.maximum(numbers, 0)] if len(values) else 0.0, 0.0)
