"""Creations of which it is not known whether they were stored: settled before anything else is created."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ondol.model.errors import OutcomeUnknownError
from ondol.storage.ports import Changes, Store


class Doubtful:
    """Stores what is created, and takes in later what turns out to have been stored.

    Callers hold the lock of the works.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: deque[tuple[Changes, Callable[[], object]]] = deque()

    def commit(self, changes: Changes, then: Callable[[], object]) -> None:
        """Store, then call `then`; where the outcome is not known, that is called once it is known to be a good one.

        Raises UnavailableError where nothing can be stored now, OutcomeUnknownError where that is not known.
        """
        self.settle()
        try:
            self._store.commit(changes)
        except OutcomeUnknownError:
            self._open.append((changes, then))
            raise
        then()

    def settle(self) -> None:
        """Ask after all that is not known; raises UnavailableError where the database does not answer."""
        while self._open:
            changes, then = self._open[0]
            stored = self._store.took_place(changes)
            self._open.popleft()
            if stored:
                then()
