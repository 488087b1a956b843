"""What an order is made with, in the platform's process or in one of its own: the installation, and its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from ondol.control.carbon_ground import CarbonGround
from ondol.model.fleet import Fleet
from ondol.storage.ports import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """An installation.

    Parameters
    ----------
    ground : factors, basis and hardware
    clock_rate : platform seconds per wall second: rows count CPU time in the latter
    """

    fleet: Fleet
    store: Store
    ground: CarbonGround
    clock_rate: float = 1.0


class Order(Protocol):
    """Something that is to be made of the ledger; its rights were looked at before.

    Parameters
    ----------
    what : for messages, e.g. "statement"
    limit_s : by when it must be made [s, wall]
    """

    what: ClassVar[str]
    limit_s: ClassVar[float]

    def made(self, bench: Workbench) -> object:
        """Make it."""
        ...
