"""Hardware constraints that a fleet's nodes give rise to, and the search for CPU models."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ondol.model.conditions import HardwareKind
from ondol.model.fleet import Fleet
from ondol.model.hardware import GB, MB, slot_bytes
from ondol.model.site import Node

_SHOWN = 20  # that many of a kind are told to whoever asked for something else


def constraints_of(fleet: Fleet) -> list[dict[str, Any]]:
    """What a task may ask for and some node has: cores of a slot, disks, cards, CPU models, kinds of machine."""
    nodes = fleet.nodes
    cores = sorted({node.cores_per_slot for node in nodes})
    kinds = [
        ("GpuHardwareConstraint", any(node.gpu for node in nodes)),
        ("NoGpuHardwareConstraint", any(not node.gpu for node in nodes)),
        ("SSDHardwareConstraint", any(node.ssd for node in nodes)),
        ("NoSSDHardwareConstraint", any(not node.ssd for node in nodes)),
    ]
    return [
        *({"discriminator": "MinimumCoreHardwareConstraint", "coreCount": count} for count in cores),
        *({"discriminator": "MaximumCoreHardwareConstraint", "coreCount": count} for count in cores),
        *({"discriminator": kind} for kind, met in kinds if met),
        *({"discriminator": "CpuModelHardwareConstraint", "cpuModel": model} for model in _models(fleet)),
        *(
            {"discriminator": "SpecificHardwareConstraint", "specificationKey": key}
            for key in sorted({node.specification for node in nodes})
        ),
    ]


def offered(nodes: Iterable[Node], kind: HardwareKind) -> str:
    """What nodes have of the kind of thing that a constraint is about, in words for whoever asked for more."""
    found = sorted({_OFFERS[kind](node) for node in nodes})
    shown = ", ".join(text for _, text in found[:_SHOWN])
    return shown + (", …" if len(found) > _SHOWN else "") or "no node at all"


def search_models(fleet: Fleet, wanted: str) -> list[dict[str, Any]]:
    """CPU models that hold every word of the search term, those that begin with it first."""
    words = wanted.lower().split()
    found = [model for model in _models(fleet) if all(word in model.lower() for word in words)]
    found.sort(key=lambda model: (not model.lower().startswith(wanted.strip().lower()), model))
    return [{"discriminator": "CpuModelHardwareConstraint", "cpuModel": model} for model in found]


def _models(fleet: Fleet) -> list[str]:
    return sorted({node.cpu_model for node in fleet.nodes})


def _cores(node: Node) -> tuple[float, str]:
    return node.cores_per_slot, f"{node.cores_per_slot:g} cores"


def _memory(node: Node) -> tuple[float, str]:
    return slot_bytes(node), f"{slot_bytes(node) / MB:.0f} MB"


def _ratio(node: Node) -> tuple[float, str]:
    ratio = slot_bytes(node) / node.cores_per_slot / GB
    return ratio, f"{ratio:.3g} GB a core"


def _disk(node: Node) -> tuple[float, str]:
    return 0.0, "an SSD" if node.ssd else "no SSD"


def _card(node: Node) -> tuple[float, str]:
    return 0.0, "a GPU" if node.gpu else "no GPU"


_OFFERS: dict[HardwareKind, Callable[[Node], tuple[float, str]]] = {
    HardwareKind.MINIMUM_CORE: _cores,
    HardwareKind.MAXIMUM_CORE: _cores,
    HardwareKind.MINIMUM_RAM: _memory,
    HardwareKind.MAXIMUM_RAM: _memory,
    HardwareKind.MINIMUM_RAM_CORE_RATIO: _ratio,
    HardwareKind.MAXIMUM_RAM_CORE_RATIO: _ratio,
    HardwareKind.SPECIFIC: lambda node: (0.0, node.specification),
    HardwareKind.CPU_MODEL: lambda node: (0.0, node.cpu_model),
    HardwareKind.GPU: _card,
    HardwareKind.NO_GPU: _card,
    HardwareKind.SSD: _disk,
    HardwareKind.NO_SSD: _disk,
}
