"""The published bottom-up model of a server, with its constants as rows of the registry; archetypes beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from ondol.accounting.embodied.impact import CRITERIA, NOTHING, Band, Impacts
from ondol.accounting.embodied.models import id_of_model, known_models
from ondol.accounting.registry import Registry
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import Factor
from ondol.model.hardware_parts import Hardware, ServerParts


@dataclass(frozen=True, slots=True, kw_only=True)
class PartImpact:
    """One kind of part of a machine, all its units together.

    Parameters
    ----------
    name : "cpu", "ram", "ssd", "hdd", "gpu", "psu", "board", "case", "assembly", or "machine" for an archetype
    """

    name: str
    impacts: Impacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Embodied:
    """What making one machine costs, and over how long it is spread.

    Parameters
    ----------
    parts : before the rule for second lives
    impacts : of all parts together, before the rule for second lives
    counted : share of `impacts` that is spread over the life here, 0 to 1
    lifetime_h : of the life here [h]
    method : "bottom-up", "archetype <name>" or "BoaviztAPI <version>"
    second_life : rule
    sources : of the constants, each once
    written_off_at : when its life is over: from then on it costs nothing more; None where that is not known
    """

    parts: tuple[PartImpact, ...]
    impacts: Impacts
    counted: float
    lifetime_h: float
    method: str
    second_life: str
    sources: tuple[str, ...]
    written_off_at: dt.datetime | None = None

    def part(self, *names: str) -> Impacts:
        """Impacts of some of the parts together."""
        total = NOTHING
        for part in self.parts:
            if part.name in names:
                total += part.impacts
        return total


def embodied_of(hardware: Hardware, registry: Registry, answer: Mapping[str, Impacts] | None = None) -> Embodied:
    """Give what making a kind of machine costs.

    Parameters
    ----------
    answer : of BoaviztAPI, impacts by part, in place of the own formulas; `ondol.signals.boavizta` gets it

    Raises
    ------
    InvalidFieldError : a processor, card or archetype that the registry does not know; the message lists those it does
    """
    sources: list[str] = []
    parts: tuple[PartImpact, ...]
    if hardware.archetype:
        parts = (PartImpact(name="machine", impacts=_archetype(hardware.archetype, registry, sources)),)
        method = f"archetype {hardware.archetype}"
    elif answer is not None:
        parts = tuple(PartImpact(name=name, impacts=impacts) for name, impacts in answer.items())
        sources.append("BoaviztAPI")
        method = "BoaviztAPI"
    else:
        parts = bottom_up(hardware, registry, sources)
        method = "bottom-up"
    total = NOTHING
    for part in parts:
        total += part.impacts
    return Embodied(
        parts=parts,
        impacts=total,
        counted=_counted(hardware),
        lifetime_h=hardware.lifetime_h,
        method=method,
        second_life=hardware.second_life,
        sources=tuple(dict.fromkeys(sources)),
        written_off_at=hardware.written_off_at,
    )


def embodied_rate(embodied: Embodied) -> Impacts:
    """Give the impacts of one hour of a machine's life, linear in time [kgCO2e/h, kgSb/h, MJ/h].

    After `written_off_at` there are none: then all of its making has been counted, once. An operator who lets it serve
    on states a longer lifetime, over which all of it is spread anew (`share_of_life`; `footprint.md` §1.6).
    """
    return embodied.impacts * (embodied.counted / embodied.lifetime_h)


def share_of_life(written_off_at: dt.datetime | None, start: dt.datetime, end: dt.datetime) -> float:
    """Give the part of a window, 0 to 1, that lies before a machine's life is over; 1 where that is not known."""
    if written_off_at is None or end <= written_off_at:
        return 1.0
    return max(0.0, (written_off_at - start) / (end - start))


def bottom_up(parts: ServerParts, registry: Registry, sources: list[str] | None = None) -> tuple[PartImpact, ...]:
    """Give the impacts of the parts of a server.

    Processor die area × a + b each; memory and solid-state disk capacity / density × a + b each; power supply mass × a;
    hard disk, board, case and assembly a constant each; a graphics card as a whole (UBA, Green Cloud Computing,
    94/2021, as documented by Boavizta; `reference/footprint.md` §3.1). End of life is not in it.

    Parameters
    ----------
    sources : takes the sources of the constants used
    """
    told = [] if sources is None else sources
    maker = _Maker(registry, told)
    die = _die_mm2(parts, registry, told)
    found = [
        ("cpu", maker.each("cpu-die", "cpu-base", die, parts.cpu_units)),
        (
            "ram",
            maker.each(
                "ram-die", "ram-base", maker.area(parts.ram_module_gb, parts.ram_gb_per_cm2, "ram"), parts.ram_modules
            ),
        ),
        (
            "ssd",
            maker.each("ssd-die", "ssd-base", maker.area(parts.ssd_gb, parts.ssd_gb_per_cm2, "ssd"), parts.ssd_units),
        ),
        ("hdd", maker.piece("hdd", parts.hdd_units)),
        ("gpu", maker.card(parts.gpu, parts.gpu_units)),
        ("psu", maker.piece("psu", parts.psu_units * parts.psu_kg)),
        ("board", maker.piece("board", 1)),
        ("case", maker.piece("case-rack", 1 if parts.case == "rack" else 0)),
        ("assembly", maker.piece("assembly", 1)),
    ]
    return tuple(PartImpact(name=name, impacts=impacts) for name, impacts in found if impacts is not None)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Looks constants up and notes their sources."""

    registry: Registry
    sources: list[str]

    def each(self, slope: str, base: str, size: Band | None, units: int) -> Impacts | None:
        if not units or size is None:
            return None
        per_size, constant = self._rows(slope), self._rows(base)
        return Impacts(
            **{
                one: Band(
                    per_size[one].value * size.value + constant[one].value,
                    per_size[one].low * size.low + constant[one].low,
                    per_size[one].high * size.high + constant[one].high,
                )
                * units
                for one in CRITERIA
            }
        )

    def piece(self, name: str, amount: float) -> Impacts | None:
        if not amount:
            return None
        rows = self._rows(name)
        return Impacts(**{one: _band(rows[one]) * amount for one in CRITERIA})

    def card(self, model: str, units: int) -> Impacts | None:
        if not units:
            return None
        slug = id_of_model(model, "gpu", self.registry, suffix="-gwp", field="hardware.gpu")
        rows = {one: self.registry.get(f"gpu-{slug}-{one}") for one in CRITERIA}
        self.sources.extend(row.source for row in rows.values())
        return Impacts(**{one: _band(row) * units for one, row in rows.items()})

    def area(self, capacity_gb: float, density: float, part: str) -> Band | None:
        if not capacity_gb:
            return None
        if density:
            return Band(*[capacity_gb / density] * 3)
        row = self.registry.get(f"embodied-{part}-density")
        self.sources.append(row.source)
        return Band(capacity_gb / row.value, capacity_gb / row.high, capacity_gb / row.low)

    def _rows(self, name: str) -> dict[str, Factor]:
        rows = {one: self.registry.get(f"embodied-{name}-{one}") for one in CRITERIA}
        self.sources.extend(row.source for row in rows.values())
        return rows


def _die_mm2(parts: ServerParts, registry: Registry, sources: list[str]) -> Band:
    if parts.cpu_die_mm2:
        return Band(*[parts.cpu_die_mm2] * 3)
    row = registry.get(f"die-{id_of_model(parts.cpu, 'die', registry, suffix='', field='hardware.cpu')}")
    sources.append(row.source)
    return _band(row)


def _archetype(name: str, registry: Registry, sources: list[str]) -> Impacts:
    found: dict[str, Band] = {}
    for one in CRITERIA:
        row = registry.rows.get(f"archetype-{name}-{one}")
        if row is not None:
            found[one] = _band(row)
            sources.append(row.source)
    if "gwp" not in found:
        known = ", ".join(known_models(registry, "archetype"))
        raise InvalidFieldError(
            "hardware.archetype", name, f"one of {known}; or own rows archetype-{name}-gwp, -adpe and -pe"
        )
    return Impacts(**found)


def _band(row: Factor) -> Band:
    return Band(row.value, row.low, row.high)


def _counted(hardware: Hardware) -> float:
    if hardware.second_life == "cutoff":
        return 0.0
    return hardware.lifetime_h / (hardware.lifetime_h + hardware.first_life_h)
