"""Which nodes meet a hardware constraint. An instance has one slot: its cores, and an equal part of the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ondol.model.conditions import HardwareConstraint, HardwareKind
from ondol.model.site import Node

MB = 1e6  # the compute API counts memory in MB and GB without saying of which kind: read as SI prefixes [bytes]
GB = 1e9


def fulfils(node: Node, constraint: HardwareConstraint) -> bool:
    """Tell whether a node meets a constraint; names are compared whatever their case."""
    return _TESTS[constraint.kind](node, constraint)


def unmet(nodes: Iterable[Node], constraints: Iterable[HardwareConstraint]) -> HardwareConstraint | None:
    """Give the first constraint that no node meets together with those before it; None where a node meets them all.

    Parameters
    ----------
    nodes : on which the work may run, e.g. `fleet.nodes` or those of a reservation
    """
    left = tuple(nodes)
    for constraint in constraints:
        left = tuple(node for node in left if fulfils(node, constraint))
        if not left:
            return constraint
    return None


def slot_bytes(node: Node) -> float:
    """Memory of one instance on a node [bytes]."""
    return node.memory_bytes / node.slots


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


_TESTS: dict[HardwareKind, Callable[[Node, HardwareConstraint], bool]] = {
    HardwareKind.MINIMUM_CORE: lambda node, wanted: node.cores_per_slot >= wanted.amount,
    HardwareKind.MAXIMUM_CORE: lambda node, wanted: node.cores_per_slot <= wanted.amount,
    HardwareKind.MINIMUM_RAM: lambda node, wanted: slot_bytes(node) >= wanted.amount * MB,
    HardwareKind.MAXIMUM_RAM: lambda node, wanted: slot_bytes(node) <= wanted.amount * MB,
    HardwareKind.MINIMUM_RAM_CORE_RATIO: lambda n, wanted: slot_bytes(n) / n.cores_per_slot >= wanted.amount * GB,
    HardwareKind.MAXIMUM_RAM_CORE_RATIO: lambda n, wanted: slot_bytes(n) / n.cores_per_slot <= wanted.amount * GB,
    HardwareKind.SPECIFIC: lambda node, wanted: _same(node.specification, wanted.key),
    HardwareKind.CPU_MODEL: lambda node, wanted: _same(node.cpu_model, wanted.key),
    HardwareKind.GPU: lambda node, _: bool(node.gpu),
    HardwareKind.NO_GPU: lambda node, _: not node.gpu,
    HardwareKind.SSD: lambda node, _: node.ssd,
    HardwareKind.NO_SSD: lambda node, _: not node.ssd,
}
