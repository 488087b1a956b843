"""Work of many threads that one of them does for all: while it is busy, the others' requests gather for the next turn.

One durable write for all that came meanwhile, where each alone would wait for a write of its own.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Turns(Generic[Item]):
    """Gathers items and has them worked on in turns, in the order of their coming.

    Parameters
    ----------
    work : does it for some items; gives for each the error that its thread is to raise, None where there is none
    most : weight of the items of one turn; a heavier one has a turn of its own
    weight : of an item
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Exception | None]],
        *,
        most: int,
        weight: Callable[[Item], int],
    ) -> None:
        self._work, self._most, self._weight = work, most, weight
        self._gathering = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: deque[_Wish[Item]] = deque()

    def run(self, item: Item) -> None:
        """Give back when the item is done; raises what came of it."""
        wish = _Wish(item)
        with self._gathering:
            self._waiting.append(wish)
        while not wish.done:
            with self._turn:
                if not wish.done:
                    self._take_turn()
        if wish.error is not None:
            raise wish.error

    def _take_turn(self) -> None:
        wishes = self._next()
        try:
            errors = self._work([wish.item for wish in wishes])
        except Exception as error:  # noqa: BLE001  # raised in each thread whose item it concerns, this one included
            errors = [error] * len(wishes)
        for wish, outcome in zip(wishes, errors, strict=True):
            wish.error = outcome
            wish.done = True

    def _next(self) -> list[_Wish[Item]]:
        with self._gathering:
            wishes = [self._waiting.popleft()]
            weight = self._weight(wishes[0].item)
            while self._waiting:
                weight += self._weight(self._waiting[0].item)
                if weight > self._most:
                    break
                wishes.append(self._waiting.popleft())
            return wishes


class _Wish(Generic[Item]):
    """One thread's item, and what came of it."""

    __slots__ = ("done", "error", "item")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.error: Exception | None = None
