"""Which part of a machine's making a piece of work carries: by what it had reserved, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ondol.accounting.embodied.impact import CRITERIA, Band, Impacts
from ondol.accounting.embodied.machine import Embodied
from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a node has, or what was reserved of it.

    Parameters
    ----------
    cores, memory_gb, storage_gb : ≥ 0; a node without known storage has 0, its disks then go by cores [GB]
    """

    cores: float
    memory_gb: float = 0.0
    storage_gb: float = 0.0

    def __post_init__(self) -> None:
        check_range("resources.cores", self.cores, 0.0, 1e6)
        check_range("resources.memory_gb", self.memory_gb, 0.0, 1e9, "GB")
        check_range("resources.storage_gb", self.storage_gb, 0.0, 1e9, "GB")


def share_of(embodied: Embodied, reserved: Resources, node: Resources, duration_s: float) -> Impacts:
    """Give the impacts that a reservation carries over a time.

    Memory by its share of GB, disks by their share of GB, processor and everything else by its share of cores; linear
    in time: impacts × duration / lifetime (Boavizta, allocation by usage; `reference/footprint.md` §1.6).

    Parameters
    ----------
    reserved, node : what was reserved, and the whole machine; a resource that the node has 0 of goes by cores
    duration_s : how long it was reserved, ≥ 0 [s]

    Raises
    ------
    InvalidFieldError : more reserved than there is; a node without cores
    """
    by_core, by_memory, by_storage = _shares(reserved, node)
    return _weighted(embodied, by_core, by_memory, by_storage, duration_s)


def unreserved_of(
    embodied: Embodied, reservations: Iterable[tuple[Resources, float]], node: Resources, duration_s: float
) -> Impacts:
    """Give what nobody had reserved of a machine over a window: the whole less all reservations.

    Shares of jobs and this together are impacts × duration / lifetime.

    Parameters
    ----------
    reservations : (resources, how long within the window [s])
    duration_s : of the window [s]

    Raises
    ------
    InvalidFieldError : more reserved than the window has room for
    """
    left = [duration_s, duration_s, duration_s]
    for reserved, held_s in reservations:
        check_range("held_s", held_s, 0.0, 1e12, "s")
        for place, share in enumerate(_shares(reserved, node)):
            left[place] -= share * held_s
    for amount in left:
        if amount < -_ROUNDING * duration_s:
            raise InvalidFieldError("reservations", -amount, f"at most the machine itself over {duration_s:g} s")
    core_s, memory_s, storage_s = (max(0.0, amount) for amount in left)
    return _weighted(embodied, core_s, memory_s, storage_s, 1.0)


def _shares(reserved: Resources, node: Resources) -> tuple[float, float, float]:
    if node.cores <= 0:
        raise InvalidFieldError("resources.cores", node.cores, "above 0 for a whole node")
    for field in ("cores", "memory_gb", "storage_gb"):
        has, wants = getattr(node, field), getattr(reserved, field)
        if wants > has * (1.0 + _ROUNDING) and has > 0:
            raise InvalidFieldError(f"resources.{field}", wants, f"at most what the node has, {has:g}")
    by_core = reserved.cores / node.cores
    return (
        by_core,
        reserved.memory_gb / node.memory_gb if node.memory_gb else by_core,
        reserved.storage_gb / node.storage_gb if node.storage_gb else by_core,
    )


def _weighted(embodied: Embodied, by_core: float, by_memory: float, by_storage: float, duration_s: float) -> Impacts:
    check_range("duration_s", duration_s, 0.0, 1e12, "s")
    scale = embodied.counted * duration_s / 3600.0 / embodied.lifetime_h
    weight = {"ram": by_memory, "ssd": by_storage, "hdd": by_storage}
    found: dict[str, Band | None] = {}
    for one in CRITERIA:
        bands = [(part.impacts.of(one), weight.get(part.name, by_core)) for part in embodied.parts]
        if any(band is None for band, _ in bands):
            found[one] = None
            continue
        total = Band(0.0, 0.0, 0.0)
        for band, share in bands:
            if band is not None:
                total += band * (share * scale)
        found[one] = total
    return Impacts(**found)
