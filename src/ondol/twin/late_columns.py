"""Columns of a View that are made when they are first looked at: what a policy never reads costs a run nothing.

A slot that was not filled is no attribute, so that Python asks `__getattr__` for it, which makes the column and keeps
it. What is made is the same whenever it is made, as long as the moment of the View lasts; afterwards it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from ondol.model.errors import ConflictError
from ondol.model.view import InstanceColumns, NodeColumns, UnitColumns, View

Make = Callable[[str], object]
ColumnsT = TypeVar("ColumnsT")
_keep = object.__setattr__  # the columns are frozen: nobody else gives them anything


class _Late:
    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name not in type(self).__dataclass_fields__:  # type: ignore[attr-defined]  # of the columns it is mixed into
            raise AttributeError(name)
        value = self.make(name)
        _keep(self, name, value)
        return value


class LateView(_Late, View):
    """A View of which parts may be made late."""

    __slots__ = ("make",)


class LateUnits(_Late, UnitColumns):
    """Units likewise."""

    __slots__ = ("make",)


class LateNodes(_Late, NodeColumns):
    """Nodes likewise."""

    __slots__ = ("make",)


class LateInstances(_Late, InstanceColumns):
    """Instances likewise."""

    __slots__ = ("make",)


def late(kind: type[ColumnsT], make: Make, known: Iterable[tuple[str, object]]) -> ColumnsT:
    """Give columns of which some are known and the others are made by their name when they are looked at."""
    columns = kind.__new__(kind)
    _keep(columns, "make", make)
    for name, value in known:
        _keep(columns, name, value)
    return columns


def refuse(columns: Any) -> None:
    """Their moment is over: what is not made yet is not made any more, but told as a fault of who looks at it."""
    _keep(columns, "make", _too_late)


def _too_late(name: str) -> object:
    raise ConflictError(f"{name} of a View is first looked at after its moment; look while deciding")


def look_at_all(columns: Any) -> None:
    """Make all that is not made yet, for who looks at it later."""
    for field in fields(columns):
        value = getattr(columns, field.name)
        if is_dataclass(value):
            look_at_all(value)
