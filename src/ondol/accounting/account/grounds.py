"""What statements of an installation rest on beside its ledger: factors, basis, hardware, sites and their terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ondol.accounting.account.hardware import Machines
from ondol.accounting.allocation import AllocationTerms
from ondol.accounting.basis import Basis
from ondol.accounting.embodied.impact import Impacts
from ondol.accounting.registry import Registry
from ondol.accounting.uncertainty import Cause, relative
from ondol.model.accounting_terms import AccountingTerms
from ondol.model.factor import Factor, Scope
from ondol.model.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """Everything but rows.

    Parameters
    ----------
    sites : by id; a site of the ledger that is no more in the fleet has none
    equipment_per_h : by site, embodied impacts of its heat equipment an hour
    allocation : by site, temperatures and prices for the allocation views
    split_rule : its name, as rows were made with it
    names : of sites, sinks and tasks by id
    meter_error, heat_error : by site, relative expanded uncertainty of its electricity and of its heat meters, the
        worst of several; none where a class is not known
    sink_of_node : what each node heats; none of those that give their heat to nobody
    heatless : sites all of whose units give their heat to nobody (racks): there is nothing to meter, and no heat
    """

    registry: Registry
    basis: Basis
    machines: Machines
    sites: Mapping[str, Site]
    accounting: AccountingTerms
    split_rule: str
    equipment_per_h: Mapping[str, Impacts] = field(default_factory=dict)
    allocation: Mapping[str, AllocationTerms] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    meter_error: Mapping[str, float] = field(default_factory=dict)
    heat_error: Mapping[str, float] = field(default_factory=dict)
    sink_of_node: Mapping[str, str] = field(default_factory=dict)
    heatless: frozenset[str] = frozenset()

    def name(self, key: str) -> str:
        """Name of an id; one without a name shows itself."""
        return self.names.get(key, key)

    def electricity(self, site_id: str) -> Factor | None:
        """Life-cycle factor of a site's grid; None where the registry or the fleet has none."""
        site = self.sites.get(site_id)
        return None if site is None else self.registry.rows.get(f"electricity-{site.country.lower()}-lca-average")

    def factor_causes(self) -> dict[str, Cause]:
        """By site, by how much the basis' electricity factor may be off; none where the basis is a bare series."""
        if self.basis.scope is not Scope.LCA:
            return {}
        found: dict[str, Cause] = {}
        for site_id in sorted(self.sites):
            row = self.electricity(site_id)
            if row is not None and row.value > 0.0:
                found[site_id] = relative(row.value, row.low, row.high, f"electricity factor {row.geography}")
        return found

    def meter_causes(self) -> dict[str, Cause]:
        """By site, by how much its own electricity meter may be off; none where its class is not known."""
        return {site: Cause(f"electricity meter of {site}", off, off) for site, off in sorted(self.meter_error.items())}

    def side(self, site_id: str, what: str) -> Factor | None:
        """Another criterion of a site's electricity by kWh: "adpe" [kgSb], "pe" [MJ], "water" [L]; None without."""
        site = self.sites.get(site_id)
        return None if site is None else self.registry.rows.get(f"electricity-{site.country.lower()}-{what}")
