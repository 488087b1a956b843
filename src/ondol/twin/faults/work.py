"""Work that comes to a drawn site: none, some or always, of any class."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ondol.model.ids import NodeId, UnitId
from ondol.model.view import ServiceClass
from ondol.twin.faults.site_of import DrawnSite

LEASE_S = 900.0  # a job whose server is silent ends by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A job on a node: from when to when, and how urgent."""

    begin_s: float
    end_s: float
    service: ServiceClass


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnWork:
    """All jobs of a sequence by node, and floors: power that a policy asks for at times, per unit [W]."""

    spells: dict[NodeId, tuple[Spell, ...]]
    floor_w: dict[UnitId, float]
    floors_s: tuple[float, float]

    def spell(self, node_id: NodeId, now_s: float) -> Spell | None:
        """The job that would run on a node at a time, None where there is none."""
        return next((spell for spell in self.spells[node_id] if spell.begin_s <= now_s < spell.end_s), None)

    def floors(self, now_s: float) -> dict[UnitId, float]:
        """Floors at a time [W]."""
        return dict(self.floor_w) if self.floors_s[0] <= now_s < self.floors_s[1] else {}


def draw_work(draw: random.Random, site: DrawnSite, span_s: float) -> DrawnWork:
    """Draw no work at all (1 of 8), work all the time (2 of 8), or jobs that come and go."""
    supply = draw.randrange(8)
    spells: dict[NodeId, tuple[Spell, ...]] = {}
    for node in site.fleet.nodes:
        found: list[Spell] = []
        now_s = 0.0
        while supply > 0 and now_s < span_s:
            length_s = draw.expovariate(1.0 / 3600.0) + 60.0
            service = draw.choice(tuple(ServiceClass))
            found.append(Spell(begin_s=now_s, end_s=now_s + length_s, service=service))
            now_s += length_s + (0.0 if supply < 3 else draw.expovariate(1.0 / 1800.0))
        spells[node.id] = tuple(found)
    floor_w: dict[UnitId, float] = {}
    if draw.random() < 0.4:
        for unit in site.fleet.units:
            most_w = sum(node.curve.max_w for node in site.fleet.nodes_of(unit.id))
            floor_w[unit.id] = most_w * draw.uniform(0.1, 1.0)
    begin_s = draw.uniform(0.0, 0.7) * span_s
    return DrawnWork(spells=spells, floor_w=floor_w, floors_s=(begin_s, begin_s + draw.uniform(0.1, 0.5) * span_s))
