"""Hardware constraints that a fleet's nodes give rise to, and the search for CPU models."""

from __future__ import annotations

from typing import Any

from ondol.model.fleet import Fleet


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


def search_models(fleet: Fleet, wanted: str) -> list[dict[str, Any]]:
    """CPU models that hold every word of the search term, those that begin with it first."""
    words = wanted.lower().split()
    found = [model for model in _models(fleet) if all(word in model.lower() for word in words)]
    found.sort(key=lambda model: (not model.lower().startswith(wanted.strip().lower()), model))
    return [{"discriminator": "CpuModelHardwareConstraint", "cpuModel": model} for model in found]


def _models(fleet: Fleet) -> list[str]:
    return sorted({node.cpu_model for node in fleet.nodes})
