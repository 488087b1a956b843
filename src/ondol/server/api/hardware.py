"""Hardware constraints: which the fleet's nodes give rise to, and which all of them meet anyway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ondol.model.fleet import Fleet
from ondol.model.site import Node

CORES = 1  # a slot is one core (`ondol.control.command.environment_of`)
_MIB = float(1 << 20)
_GIB = float(1 << 30)


def constraints_of(fleet: Fleet) -> list[dict[str, Any]]:
    """Every CPU model (also the key of a kind of machine) and core count of the fleet, in a fixed order."""
    models = sorted({node.cpu_model for node in fleet.nodes})
    return [
        {"discriminator": "MinimumCoreHardwareConstraint", "coreCount": CORES},
        {"discriminator": "MaximumCoreHardwareConstraint", "coreCount": CORES},
        {"discriminator": "NoGpuHardwareConstraint"},
        *({"discriminator": "CpuModelHardwareConstraint", "cpuModel": model} for model in models),
        *({"discriminator": "SpecificHardwareConstraint", "specificationKey": key} for key in models),
    ]


def search_models(fleet: Fleet, wanted: str) -> list[dict[str, Any]]:
    """CPU models that hold every word of the search term, those that begin with it first."""
    words = wanted.lower().split()
    models = sorted({node.cpu_model for node in fleet.nodes})
    found = [model for model in models if all(word in model.lower() for word in words)]
    found.sort(key=lambda model: (not model.lower().startswith(wanted.strip().lower()), model))
    return [{"discriminator": "CpuModelHardwareConstraint", "cpuModel": model} for model in found]


def met_by_all(fleet: Fleet, constraint: Mapping[str, Any]) -> bool:
    """Whether every node meets a constraint, so that it is obeyed wherever the instance goes.

    Anything else is refused at the door: no policy chooses nodes by constraint yet, and one that is silently not
    obeyed would be worse. Instances have one core and an equal part of a node's memory; no node has a GPU.
    """
    low = {str(key).lower(): value for key, value in constraint.items()}
    kind = str(low.get("discriminator", "")).removesuffix("HardwareConstraint")
    test = _TESTS.get(kind)
    try:
        return test is not None and all(test(node, low) for node in fleet.nodes)
    except (TypeError, ValueError):  # a count that is no number
        return False


def _slot_bytes(node: Node) -> float:
    return node.memory_bytes / node.slots


_TESTS: dict[str, Callable[[Node, Mapping[str, Any]], bool]] = {
    "MinimumCore": lambda _, low: float(low.get("corecount", 0)) <= CORES,
    "MaximumCore": lambda _, low: float(low.get("corecount", 0)) >= CORES,
    "NoGpu": lambda _node, _low: True,
    "CpuModel": lambda node, low: str(low.get("cpumodel", "")).lower() == node.cpu_model.lower(),
    "Specific": lambda node, low: low.get("specificationkey") == node.cpu_model,
    "MinimumRam": lambda node, low: _slot_bytes(node) >= float(low.get("minimummemorymb", 0)) * _MIB,
    "MaximumRam": lambda node, low: _slot_bytes(node) <= float(low.get("maximummemorymb", 0)) * _MIB,
    "MinimumRamCoreRatio": lambda n, low: (
        _slot_bytes(n) / CORES >= float(low.get("minimummemorygbcoreratio", 0)) * _GIB
    ),
    "MaximumRamCoreRatio": lambda n, low: (
        _slot_bytes(n) / CORES <= float(low.get("maximummemorygbcoreratio", 0)) * _GIB
    ),
}
