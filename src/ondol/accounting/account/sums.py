"""Sums over some rows of a ledger: of a task, of a user, of a site; all additive, none rounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ondol.accounting.account.columns import SHARES, TIERS, Codes, Floats, Mask
from ondol.accounting.account.hardware import Made
from ondol.accounting.account.shared import Shared
from ondol.accounting.embodied.impact import CRITERIA
from ondol.accounting.uncertainty import Addends, Cause
from ondol.model.ledger import Share, Tier

J_PER_KWH = 3.6e6
# Models of power against load disagree by a factor of two, an archetype or a stated PUE knows no more
# (`reference/footprint.md` §3.4). Metered tiers have no band of their own here: their class of accuracy is the meter's.
_TIER_CAUSES = {
    Tier.T4_CURVE: Cause("power model (T4)", 0.5, 1.0),
    Tier.T5_ARCHETYPE: Cause("stated PUE or typical machine (T5)", 0.5, 1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What some rows come to.

    Parameters
    ----------
    it_kwh, overhead_kwh : electricity of nodes, and its part of the sites' overhead [kWh]
    own_g : operational carbon of the nodes alone, on the basis [gCO2e]
    recorded_g, counted_g : operational carbon with overhead, as the grid was recorded, and on the basis [gCO2e]
    handed_kwh, useful_kwh, estimated_kwh : part of the sites' heat [kWh]; None where no site of it has any of that kind
    sink_temp_c : mean temperature of what was heated [°C]; None where not known
    embodied : by criterion value, low and high of the nodes whose hardware is known
    known_share : share of the slot time on nodes whose hardware is known, 0 to 1, by criterion
    slot_h : slots held × hours [h]
    tier_kwh : IT electricity by tier [kWh]
    """

    it_kwh: float
    overhead_kwh: float
    own_g: float
    recorded_g: float
    counted_g: float
    handed_kwh: float | None
    useful_kwh: float | None
    estimated_kwh: float | None
    sink_temp_c: float | None
    embodied: Mapping[str, tuple[float, float, float]]
    known_share: Mapping[str, float]
    slot_h: float
    cpu_s: float
    tier_kwh: Mapping[Tier, float]

    @property
    def total_kwh(self) -> float:
        """IT and overhead together [kWh]."""
        return self.it_kwh + self.overhead_kwh

    @property
    def tiers(self) -> str:
        """The data tiers of the IT electricity, e.g. "T3+T4"."""
        return "+".join(tier.value for tier in Tier if self.tier_kwh.get(tier, 0.0) > 0.0)

    @property
    def embodied_g(self) -> float | None:
        """Embodied carbon [gCO2e]; None where the hardware of some of it is not known."""
        return self.embodied["gwp"][0] * 1e3 if self.known_share["gwp"] >= 1.0 else None


def sums(shared: Shared, made: Made, mask: Mask) -> Sums:
    """Sum up some rows of nodes; overhead rows among them count where they are `loose`: they are in no node's part."""
    rows = shared.rows
    mine = mask & (shared.it | shared.loose_overhead)
    it = mine & shared.it
    loose_j = float(rows.energy_j[mine & shared.loose_overhead].sum())
    own_g = shared.own_g
    slot_s = made.slot_s[it]
    embodied: dict[str, tuple[float, float, float]] = {}
    known: dict[str, float] = {}
    for one in CRITERIA:
        value, low, high = (column[it] for column in made.by_criterion[one])
        there = np.isfinite(value)
        embodied[one] = float(value[there].sum()), float(low[there].sum()), float(high[there].sum())
        known[one] = 1.0 if there.all() else float(slot_s[there].sum() / max(slot_s.sum(), 1e-300))
    felt = mine & np.isfinite(shared.sink_temp_c) & (shared.handed_j > 0.0)
    return Sums(
        it_kwh=float(rows.energy_j[it].sum()) / J_PER_KWH,
        overhead_kwh=(float(shared.overhead_j[it].sum()) + loose_j) / J_PER_KWH,
        own_g=float(own_g[it].sum()),
        recorded_g=float(shared.recorded_g[mine].sum()),
        counted_g=float(shared.counted_g[mine].sum()),
        handed_kwh=_known_sum(shared.handed_j[mine]),
        useful_kwh=_known_sum(shared.useful_j[mine]),
        estimated_kwh=_known_sum(shared.estimated_j[mine]),
        sink_temp_c=float(np.average(shared.sink_temp_c[felt], weights=shared.handed_j[felt])) if felt.any() else None,
        embodied=embodied,
        known_share=known,
        slot_h=float(slot_s.sum()) / 3600.0,
        cpu_s=float(rows.cpu_s[it].sum()),
        tier_kwh={
            tier: float(rows.energy_j[it & (rows.tier == rank)].sum()) / J_PER_KWH
            for rank, tier in enumerate(TIERS)
            if (it & (rows.tier == rank)).any()
        },
    )


def energy_addends(
    shared: Shared, mask: Mask, overhead_tier: Mapping[str, Tier], meter: Mapping[str, Cause], *, settled: bool
) -> Addends:
    """Electricity of some rows with overhead [kWh], addend by addend with the cause of its data tier.

    Parameters
    ----------
    meter : by site, by how much its own meter may be off
    settled : of places: what a site's meter stands behind has no cause of its tier; who had which part of it, has
    """
    own = shared.rows.energy_j / J_PER_KWH
    return _addends(shared, mask, own, own + shared.overhead_j / J_PER_KWH, overhead_tier, {}, meter, settled)


def carbon_addends(
    shared: Shared,
    mask: Mask,
    overhead_tier: Mapping[str, Tier],
    factor: Mapping[str, Cause],
    meter: Mapping[str, Cause],
    *,
    settled: bool,
) -> Addends:
    """Operational carbon of some rows with overhead on the basis [gCO2e], with causes of data tier and grid factor.

    Parameters
    ----------
    overhead_tier : by site, how well its overhead is known
    factor : by site, by how much the basis may be off; a site without one has no stated band
    meter, settled : as for `energy_addends`
    """
    return _addends(shared, mask, shared.own_g, shared.counted_g, overhead_tier, factor, meter, settled)


def _addends(
    shared: Shared,
    mask: Mask,
    own: Floats,
    whole: Floats,
    overhead_tier: Mapping[str, Tier],
    factor: Mapping[str, Cause],
    meter: Mapping[str, Cause],
    settled: bool,
) -> Addends:
    rows, size, sites = shared.rows, len(TIERS), len(shared.rows.sites)
    addends, open_part = Addends(), 1.0 - shared.metered if settled else np.ones(len(rows))
    here, loose = mask & shared.it, mask & shared.loose_overhead
    there = here | loose
    by_tier = _by(rows.site[here] * size + rows.tier[here], (own * open_part)[here], sites * size).reshape(-1, size)
    over = _by(rows.site[here], ((whole - own) * open_part)[here], sites)
    over += _by(rows.site[loose], (own * open_part)[loose], sites)
    by_meter = _by(rows.site[there], (whole * (1.0 - open_part))[there], sites)
    for code, site in enumerate(rows.sites):
        of_factor = [factor[site]] if site in factor else []
        for rank, tier in enumerate(TIERS):
            if by_tier[code, rank] > 0.0:
                addends.add(float(by_tier[code, rank]), [*_causes(tier), *of_factor])
        if over[code] > 0.0:
            addends.add(float(over[code]), [*_causes(overhead_tier.get(site, Tier.T5_ARCHETYPE)), *of_factor])
        if by_meter[code] > 0.0:
            addends.add(float(by_meter[code]), [*of_factor, *([meter[site]] if site in meter else [])])
    return addends


def _by(key: Codes, amount: Floats, length: int) -> Floats:
    return np.bincount(key, weights=amount, minlength=length).astype(np.float64)


def overhead_tiers(shared: Shared) -> dict[str, Tier]:
    """By site, the worst tier of its overhead rows."""
    rows = shared.rows
    found: dict[str, Tier] = {}
    for code in np.unique(rows.site):
        over = (rows.site == code) & (rows.share == SHARES.index(Share.OVERHEAD))
        if over.any():
            found[rows.sites[code]] = TIERS[int(rows.tier[over].max())]
    return found


def _causes(tier: Tier) -> list[Cause]:
    return [_TIER_CAUSES[tier]] if tier in _TIER_CAUSES else []


def _known_sum(amount: Floats) -> float | None:
    there = np.isfinite(amount)
    return float(amount[there].sum()) / J_PER_KWH if there.any() else None
