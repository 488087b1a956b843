"""What would heat a site otherwise, as its operator put it down in the fleet file."""

from __future__ import annotations

import datetime as dt

from ondol.accounting.account.heaters import HEAT_PUMP, reference_heater
from ondol.accounting.avoided import Avoided, Counterfactual, UsefulHeat, avoided
from ondol.accounting.basis import Basis
from ondol.accounting.registry import Registry
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
    )


def avoided_by(site: Site, registry: Registry, basis: Basis, end: dt.datetime, useful_kwh: float) -> Avoided | str:
    """Give what a site's useful heat avoids, or why nothing can be said, in words.

    Parameters
    ----------
    basis : on which the installation counts; only that of a whole life cycle can stand beside a heater's
    end : of the window in which the heat came
    useful_kwh : metered and demanded, ≥ 0 [kWh]
    """
    if basis.scope is not Scope.LCA:
        return f"the basis {basis.name} counts {basis.scope.value} emissions, a heater's factors a whole life cycle"
    try:
        found = counterfactual_of(site, registry)
        if isinstance(found, str):
            return found
        pump = reference_heater(registry, HEAT_PUMP, site.country)
        return avoided(UsefulHeat(kwh=useful_kwh), found, pump, end=end)
    except OndolError as error:
        return str(error)
