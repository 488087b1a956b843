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

    def side(self, site_id: str, what: str) -> Factor | None:
        """Another criterion of a site's electricity by kWh: "adpe" [kgSb], "pe" [MJ], "water" [L]; None without."""
        site = self.sites.get(site_id)
        return None if site is None else self.registry.rows.get(f"electricity-{site.country.lower()}-{what}")
