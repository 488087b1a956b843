"""One statement in the making: the rows, which of them are the subject's, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ondol.accounting.account.columns import Floats, Mask
from ondol.accounting.account.grounds import Grounds
from ondol.accounting.account.hardware import Made
from ondol.accounting.account.shared import Shared
from ondol.accounting.account.statement import Subject, Window
from ondol.accounting.account.sums import Sums, carbon_addends, energy_addends, overhead_tiers, sums
from ondol.accounting.embodied.impact import NOTHING, Impacts
from ondol.accounting.uncertainty import Addends, Band, Cause, relative
from ondol.model.ledger import Share, Tier


@dataclass(frozen=True, slots=True)
class Place:
    """The subject's rows at one site; `counted` are those that are in its inventory."""

    shared: Shared
    made: Made
    counted: Mask

    @property
    def hours(self) -> float:
        """For how long there are rows of it [h]."""
        rows = self.shared.rows
        windows = np.unique(np.stack([rows.start_s, rows.end_s]), axis=1)
        return covered_s(windows[0], windows[1]) / 3600.0


@dataclass(slots=True)
class Case:
    """What the sections of a statement are made of.

    Parameters
    ----------
    mine : rows of the subject: of its work wherever it ran, or all rows of its sites
    tasks : number of users' tasks in it
    named : rows whose tasks the reader may see by name; None for all
    """

    subject: Subject
    window: Window
    grounds: Grounds
    shared: Shared
    made: Made
    mine: Mask
    tasks: int
    named: Mask | None = None
    overhead_tier: dict[str, Tier] = field(init=False)
    factor: dict[str, Cause] = field(init=False)
    meter: dict[str, Cause] = field(init=False)
    counted: Mask = field(init=False)
    whole: Sums = field(init=False)
    heat_only: Sums = field(init=False)
    places: Mapping[str, Place] = field(init=False)

    def __post_init__(self) -> None:
        self.overhead_tier, self.factor = overhead_tiers(self.shared), self.grounds.factor_causes()
        self.meter = self.grounds.meter_causes()
        filler = self.mine & self.shared.rows.of(Share.HEAT_ONLY)
        # Work run for heat alone is the heat's: not in the inventory of who submitted it, but in that of its site.
        self.counted = self.mine & ~filler if self.subject.of_work else self.mine
        self.places = _places(self.shared, self.made, self.mine, self.counted)
        self.whole, self.heat_only = sums(self.shared, self.made, self.counted), sums(self.shared, self.made, filler)

    @property
    def users(self) -> Sums:
        """What users' work and idle servers come to; without work run for heat alone, also of a place."""
        if not self.subject.of_work:
            return sums(self.shared, self.made, self.counted & ~self.shared.rows.of(Share.HEAT_ONLY))
        return self.whole

    @property
    def settled(self) -> bool:
        """Whether meters of sites settle its sums: they know the whole of a site, and not who had which part of it."""
        return not self.subject.of_work

    @property
    def energy(self) -> Band:
        """Electricity with overhead and its band [kWh]."""
        return energy_addends(self.shared, self.counted, self.overhead_tier, self.meter, settled=self.settled).band

    @property
    def operational(self) -> Band:
        """Operational carbon on the basis and its band [gCO2e]."""
        return self._carbon.band

    @property
    def _carbon(self) -> Addends:
        causes = self.overhead_tier, self.factor, self.meter
        return carbon_addends(self.shared, self.counted, *causes, settled=self.settled)

    @property
    def total(self) -> Band:
        """Operational and known embodied carbon, heat equipment of the sites included [gCO2e]."""
        addends = self._carbon
        value, low, high = (1e3 * kg for kg in self.whole.embodied["gwp"])
        if value > 0.0:
            addends.add(value, [relative(value, low, high, "embodied model")])
        gwp = self.equipment.gwp
        if gwp is not None and gwp.value > 0.0:
            cause = relative(gwp.value, gwp.low, gwp.high, "embodied heat equipment")
            addends.add(1e3 * gwp.value, [cause])
        return addends.band

    @property
    def equipment(self) -> Impacts:
        """Embodied impacts of the sites' heat equipment over the rows' time; nothing for work [kgCO2e, kgSb, MJ]."""
        found = NOTHING
        if not self.subject.of_work and self.grounds.equipment_per_h:
            for site, hours in self.site_hours.items():
                found += self.grounds.equipment_per_h.get(site, NOTHING) * hours
        return found

    @property
    def site_hours(self) -> Mapping[str, float]:
        """By site, for how long there are rows of it [h]."""
        return {site: place.hours for site, place in self.places.items()}

    @property
    def sites(self) -> tuple[str, ...]:
        """Sites of the subject's rows, by id."""
        return tuple(self.places)

    @property
    def unknown_nodes(self) -> Mapping[str, str]:
        """Nodes of the subject whose hardware is not known, with why."""
        rows = self.shared.rows
        used = np.unique(rows.node[self.counted & self.shared.it])
        told = self.grounds.machines
        return {
            rows.nodes[code]: told.unknown.get(rows.nodes[code], "it is not in the fleet any more")
            for code in used
            if rows.nodes[code] not in told.per_slot_s
        }


def _places(shared: Shared, made: Made, mine: Mask, counted: Mask) -> dict[str, Place]:
    """Cut the subject's rows by site, by id; each row is copied once, however many sites there are."""
    numbers = np.flatnonzero(mine)
    numbers = numbers[np.argsort(shared.rows.site[numbers], kind="stable")]
    codes, first = np.unique(shared.rows.site[numbers], return_index=True)
    return {
        shared.rows.sites[code]: Place(shared.where(part), made.where(part), counted[part])
        for code, part in zip(codes, np.split(numbers, first[1:]), strict=True)
    }


def covered_s(start_s: Floats, end_s: Floats) -> float:
    """Length of a union of windows, sorted by their start [s]."""
    reach = np.maximum.accumulate(end_s)
    before = np.concatenate([start_s[:1], reach[:-1]])
    return float(np.maximum(end_s - np.maximum(start_s, before), 0.0).sum())
