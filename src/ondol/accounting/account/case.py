"""One statement in the making: the rows, which of them are the subject's, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ondol.accounting.account.apart import apart, covered_s
from ondol.accounting.account.columns import Mask
from ondol.accounting.account.grounds import Grounds
from ondol.accounting.account.hardware import Made
from ondol.accounting.account.shared import Shared
from ondol.accounting.account.statement import Subject, Window
from ondol.accounting.account.sums import Sums, carbon_addends, energy_addends, overhead_tiers, sums
from ondol.accounting.embodied.impact import NOTHING, Impacts
from ondol.accounting.uncertainty import Addends, Band, Cause, relative
from ondol.model.ledger import Share, Tier


@dataclass(frozen=True, eq=False)
class Place:
    """The subject's rows at one site; `counted` are those that are in its inventory."""

    shared: Shared
    made: Made
    counted: Mask

    @cached_property
    def sums(self) -> Sums:
        """What its inventory comes to."""
        return sums(self.shared, self.made, self.counted)

    @cached_property
    def hours(self) -> float:
        """For how long there are rows of it [h]."""
        rows = self.shared.rows
        windows = np.unique(np.stack([rows.start_s, rows.end_s]), axis=1)
        return covered_s(windows[0], windows[1]) / 3600.0


@dataclass(frozen=True, eq=False)
class Case:
    """What the sections of a statement are made of; each of it is worked out once.

    Parameters
    ----------
    mine : rows of the subject: of its work wherever it ran, or all rows of its sites
    tasks : number of users' tasks in it, the hidden holders of pool slots not among them
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

    @cached_property
    def overhead_tier(self) -> Mapping[str, Tier]:
        """By site, how well its overhead is known."""
        return overhead_tiers(self.shared)

    def tiers(self, part: Sums) -> str:
        """Data tiers of electricity with its overhead, e.g. "T4+T5": a stated PUE is no reading of anything."""
        found = set(part.tiers.split("+")) if part.tiers else set()
        if part.overhead_kwh > 0.0:
            found |= {self.overhead_tier[site].value for site in self.sites if site in self.overhead_tier}
        return "+".join(sorted(found))

    @cached_property
    def factor(self) -> Mapping[str, Cause]:
        """By site, by how much the factor of its electricity may be off."""
        return self.grounds.factor_causes()

    @cached_property
    def meter(self) -> Mapping[str, Cause]:
        """By site, by how much its own meter may be off."""
        return self.grounds.meter_causes()

    @cached_property
    def filler(self) -> Mask:
        """Rows of the subject that are of work run for heat alone."""
        return self.mine & self.shared.rows.of(Share.HEAT_ONLY)

    @cached_property
    def counted(self) -> Mask:
        """Rows that are in its inventory.

        Work run for heat alone is the heat's: not in the inventory of who submitted it, but in that of its site.
        """
        return self.mine & ~self.filler if self.subject.of_work else self.mine

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """The subject by site, by id."""
        return _places(self.shared, self.made, self.mine, self.counted)

    @cached_property
    def whole(self) -> Sums:
        """What its inventory comes to."""
        return sums(self.shared, self.made, self.counted)

    @cached_property
    def heat_only(self) -> Sums:
        """What its work run for heat alone comes to."""
        return sums(self.shared, self.made, self.filler)

    @cached_property
    def users(self) -> Sums:
        """What users' work and idle servers come to; without work run for heat alone, also of a place."""
        return self.whole if self.subject.of_work else sums(self.shared, self.made, self.mine & ~self.filler)

    @cached_property
    def apart(self) -> tuple[str, ...]:
        """Sinks of its places whose heat meters and servers were seen at different times."""
        return apart(self.shared.rows, self.shared.heat, self.places, self.grounds.sink_of_node)

    @property
    def settled(self) -> bool:
        """Whether meters of sites settle its sums: they know the whole of a site, and not who had which part of it."""
        return not self.subject.of_work

    @property
    def energy(self) -> Band:
        """Electricity with overhead and its band [kWh]."""
        return energy_addends(self.shared, self.counted, self.overhead_tier, self.meter, settled=self.settled).band

    @cached_property
    def operational(self) -> Band:
        """Operational carbon on the basis and its band [gCO2e]."""
        return self._carbon().band

    @cached_property
    def total(self) -> Band:
        """Operational and known embodied carbon, heat equipment of the sites included [gCO2e]."""
        addends = self._carbon()
        value, low, high = (1e3 * kg for kg in self.whole.embodied["gwp"])
        if value > 0.0:
            addends.add(value, [relative(value, low, high, "embodied model")])
        gwp = self.equipment.gwp
        if gwp is not None and gwp.value > 0.0:
            cause = relative(gwp.value, gwp.low, gwp.high, "embodied heat equipment")
            addends.add(1e3 * gwp.value, [cause])
        return addends.band

    def _carbon(self) -> Addends:
        causes = self.overhead_tier, self.factor, self.meter
        return carbon_addends(self.shared, self.counted, *causes, settled=self.settled)

    @cached_property
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

    @cached_property
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
