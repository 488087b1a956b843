"""Where every point of a simulated site stands in its Modbus registers, by the profile `ondol-sim`.

Every entity has a block of addresses in each of the four tables: units first, then sinks, each by id. The site's
outdoor temperature stands in the block of entity 0.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from ondol.drivers.profiles.loading import load_profile
from ondol.model.fleet import Fleet
from ondol.model.points import PointKey
from ondol.model.sink import Tank

PROFILE = "ondol-sim"
_FORMAT = {"uint64": ">Q", "float32": ">f"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one value stands.

    Parameters
    ----------
    name : in the profile, with the number of its entity: as a binding's address says it
    table : "input", "holding", "discrete" or "coil"
    type : "float32", "uint64", or "bool"
    words : registers, or bits, that it takes
    scale : the point's value over that of the register
    """

    name: str
    table: str
    address: int
    type: str
    words: int
    scale: float = 1.0

    def encode(self, value: float) -> list[int]:
        """Give the 16-bit words of a value; a counter below 0 stands at 0, as it does in such meters."""
        raw = value / self.scale
        packed = struct.pack(_FORMAT[self.type], max(int(raw), 0) if self.type == "uint64" else raw)
        return list(struct.unpack(f">{self.words}H", packed))

    def decode(self, words: list[int]) -> float:
        """Give the value of such words."""
        return float(struct.unpack(_FORMAT[self.type], struct.pack(f">{self.words}H", *words))[0]) * self.scale


def entity_numbers(fleet: Fleet) -> dict[str, int]:
    """Give the number of every unit and sink of a site; the site itself shares number 0."""
    ids = [*(unit.id for unit in fleet.units), *(sink.id for sink in fleet.sinks)]
    return {**{entity_id: number for number, entity_id in enumerate(ids)}, fleet.sites[0].id: 0}


def table_size(fleet: Fleet) -> int:
    """Addresses that every table has."""
    return load_profile(PROFILE).block * (len(fleet.units) + len(fleet.sinks))


def places(fleet: Fleet, points: Mapping[PointKey, float]) -> dict[PointKey, Place]:
    """Give the place of every point, by key."""
    number = entity_numbers(fleet)
    tanks = {sink.id for sink in fleet.sinks if isinstance(sink, Tank)}
    found = {}
    for key in sorted(points):
        name = f"layer_{key.index}" if key.entity_id in tanks and key.point == "temperature" else _NAMES[key.point]
        found[key] = _place(name, number[key.entity_id])
    return found


def load_places(fleet: Fleet) -> dict[str, Place]:
    """Where the power that a unit's work would draw can be set; no real device has that."""
    number = entity_numbers(fleet)
    return {unit.id: _place("load", number[unit.id]) for unit in fleet.units}


_NAMES = {
    "heat_meter": "heat_energy",
    "heat_power": "heat_power",
    "flow": "flow",
    "supply_temperature": "supply",
    "return_temperature": "return",
    "loop_temperature": "loop",
    "electric_power": "electric_power",
    "electric_meter": "electric_energy",
    "flow_switch": "flow_switch",
    "power_cap": "power_cap",
    "temperature": "temperature",
    "outdoor_temperature": "outdoor",
    "backup": "backup",
}


def _place(name: str, number: int) -> Place:
    one = load_profile(PROFILE).register("address", name, number)
    joules_per_count = 3600.0 if one.type == "uint64" else 1.0
    return Place(f"{name}/{number}", one.table, one.number, one.type, one.words, joules_per_count)
