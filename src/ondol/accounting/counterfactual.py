"""What would heat a site otherwise, as its operator put it down in the fleet file."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from ondol.accounting.account.heaters import HEAT_PUMP, reference_heater
from ondol.accounting.avoided import Avoided, ContractShares, Counterfactual, Span, UsefulHeat, avoided
from ondol.accounting.basis import Basis
from ondol.accounting.registry import Registry, electricity_lca
from ondol.model.errors import OndolError
from ondol.model.factor import Scope
from ondol.model.site import Site


def counterfactual_of(site: Site, registry: Registry) -> Counterfactual | str:
    """Give a site's reference heater with its evidence and its end, or why there is none, in words."""
    if not site.reference_heater:
        return "no reference heater is named for this site (reference_heater in the fleet file)"
    if not site.reference_heater_evidence:
        return "nothing shows that the reference heater is there (reference_heater_evidence in the fleet file)"
    if site.reference_heater_until is None:
        return "nobody said until when the reference heater would stand (reference_heater_until in the fleet file)"
    return Counterfactual(
        heater=reference_heater(registry, site.reference_heater, site.country),
        evidence=site.reference_heater_evidence,
        valid_until=site.reference_heater_until,
        valid_from=site.reference_heater_from,
    )


def useful_heat_at(site: Site, registry: Registry, useful_kwh: float, uncertainty: float = 0.0) -> UsefulHeat:
    """Give useful heat with what stands against it at a site: losses that stay with its backup, and pumps.

    Parameters
    ----------
    useful_kwh : metered and demanded, ≥ 0 [kWh]
    uncertainty : relative, of the heat meters, 0 to 1

    Raises NotFoundError where pumps run and the registry does not know the country's electricity.
    """
    pumps_kwh = site.auxiliary_kwh_per_kwh * useful_kwh
    grid = electricity_lca(registry, site.country) if pumps_kwh > 0.0 else None
    return UsefulHeat(
        kwh=useful_kwh,
        uncertainty=uncertainty,
        standby_kwh=site.standby_kwh_per_kwh * useful_kwh,
        auxiliary_kwh=pumps_kwh,
        auxiliary_g_per_kwh=0.0 if grid is None else grid.g_per_kwh,
    )


def contract_shares(site: Site) -> ContractShares | None:
    """Give how a contract shares what a site's heat avoids (view A6); None without one."""
    if site.avoided_share_heat is None:
        return None
    heat = site.avoided_share_heat
    return ContractShares(heat=heat, compute=1.0 - heat, contract=site.avoided_contract)


def avoided_by(
    site: Site,
    registry: Registry,
    basis: Basis,
    end: dt.datetime,
    useful_kwh: float,
    *,
    start: dt.datetime | None = None,
    uncertainty: float = 0.0,
    burden: Span | None = None,
) -> Avoided | str:
    """Give what a site's useful heat avoids, or why nothing can be said, in words.

    Parameters
    ----------
    basis : on which the installation counts; only that of a whole life cycle can stand beside a heater's
    end, start : of the window in which the heat came
    useful_kwh : metered and demanded, ≥ 0 [kWh]
    uncertainty : relative, of the heat meters, 0 to 1
    burden : of the same electricity, operational and embodied, for the net figure
    """
    if basis.scope is not Scope.LCA:
        return (
            f"the basis {basis.name} counts {basis.scope.value} emissions, a heater's factors a whole life cycle: "
            "the two are never put beside each other"
        )
    try:
        found = counterfactual_of(site, registry)
        if isinstance(found, str):
            return found
        pump = reference_heater(registry, HEAT_PUMP, site.country)
        zone = ZoneInfo(site.timezone)
        return avoided(
            useful_heat_at(site, registry, useful_kwh, uncertainty),
            found,
            pump,
            end=end.astimezone(zone),
            start=None if start is None else start.astimezone(zone),
            burden=burden,
        )
    except OndolError as error:
        return str(error)
