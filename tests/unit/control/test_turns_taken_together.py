"""Given threads that want something done, when they come while it is being done, then the next turn is for all."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from ondol.control.turns import Turns
from ondol.model.errors import ConflictError

BOUND_S = 10.0


class Slow:
    """Work that waits to be let go on, and notes what it was given."""

    def __init__(self) -> None:
        self.given: list[list[int]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, items: Sequence[int]) -> list[Exception | None]:
        self.given.append(list(items))
        self.begun.set()
        assert self.go_on.wait(BOUND_S)
        return [ConflictError(f"odd {item}") if item % 2 else None for item in items]


def run_all(turns: Turns[int], slow: Slow, items: Sequence[int]) -> dict[int, str]:
    """Give what each thread met; the first one's turn lasts until all others wait."""
    met: dict[int, str] = {}

    def one(item: int) -> None:
        try:
            turns.run(item)
        except ConflictError as error:
            met[item] = str(error)
        else:
            met[item] = ""

    threads = [threading.Thread(target=one, args=(item,)) for item in items]
    threads[0].start()
    assert slow.begun.wait(BOUND_S)
    for thread in threads[1:]:
        thread.start()
    while len(turns._waiting) < len(items) - 1:  # the first works, so nobody takes any away
        threading.Event().wait(0.001)
    slow.go_on.set()
    for thread in threads:
        thread.join(BOUND_S)
        assert not thread.is_alive()
    return met


def test_who_comes_meanwhile_shares_the_next_turn_and_meets_only_what_is_theirs() -> None:
    slow = Slow()
    met = run_all(Turns(slow, most=100, weight=lambda _: 1), slow, range(10))
    assert met == {n: f"odd {n}" if n % 2 else "" for n in range(10)}
    assert [sorted(turn) for turn in slow.given] == [[0], list(range(1, 10))]


def test_a_turn_has_a_bound_and_something_heavy_its_own() -> None:
    slow = Slow()
    run_all(Turns(slow, most=4, weight=lambda item: item), slow, [2, 2, 2, 9, 2])
    assert all(sum(turn) <= 4 or turn == [9] for turn in slow.given)
    assert sorted(item for turn in slow.given for item in turn) == [2, 2, 2, 2, 9]


def test_a_fault_is_met_by_all_whom_it_concerns_and_the_next_turn_is_taken() -> None:
    def fail(items: Sequence[int]) -> list[Exception | None]:
        if 0 in items:
            raise RuntimeError("broken")
        return [None for _ in items]

    turns: Turns[int] = Turns(fail, most=10, weight=lambda _: 1)
    with pytest.raises(RuntimeError, match="broken"):
        turns.run(0)
    turns.run(1)
