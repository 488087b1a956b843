"""What a site says for accounts, held together: who runs it, what it would be heated by, prices, contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.model.checks import check_id, check_range, check_text
from ondol.model.errors import InvalidFieldError
from ondol.model.siret import check_siret

if TYPE_CHECKING:
    from ondol.model.site import Site


def check_site_accounts(site: Site) -> None:
    """Refuse numbers out of range, and what is said without that which it goes with."""
    for name in ("legal_entity", "reference_heater_evidence", "market_evidence", "avoided_contract"):
        if getattr(site, name):
            check_text(f"site.{name}", getattr(site, name), 500)
    if site.siret:
        check_siret("site.siret", site.siret)
    if site.postcode:
        check_text("site.postcode", site.postcode, 20)
    for name in ("region", "reference_heater"):
        if getattr(site, name):
            check_id(f"site.{name}", getattr(site, name))
    for name, most, unit in (
        ("installed_it_w", 1e9, "W"),
        ("standby_kwh_per_kwh", 1.0, "kWh/kWh"),
        ("auxiliary_kwh_per_kwh", 1.0, "kWh/kWh"),
        ("avoided_share_heat", 1.0, ""),
        ("heat_price_eur_per_kwh", 10.0, "€/kWh"),
        ("compute_price_eur_per_kwh", 1000.0, "€/kWh"),
        ("market_g_per_kwh", 3000.0, "g/kWh"),
    ):
        if getattr(site, name) is not None:
            check_range(f"site.{name}", getattr(site, name), 0.0, most, unit)
    _check_times(site)
    for name, needed in (
        ("reference_heater_from", "reference_heater"),
        ("reference_heater_until", "reference_heater"),
        ("reference_heater_evidence", "reference_heater"),
        ("avoided_share_heat", "avoided_contract"),
        ("avoided_contract", "avoided_share_heat"),
        ("market_g_per_kwh", "market_evidence"),
        ("market_evidence", "market_g_per_kwh"),
    ):
        if getattr(site, name) not in (None, "") and getattr(site, needed) in (None, ""):
            raise InvalidFieldError(f"site.{name}", getattr(site, name), f"given together with {needed}")


def _check_times(site: Site) -> None:
    """Refuse a reference heater that would go before it comes."""
    begin, until = site.reference_heater_from, site.reference_heater_until
    for name, moment in (("from", begin), ("until", until)):
        if moment is not None and moment.tzinfo is None:
            raise InvalidFieldError(f"site.reference_heater_{name}", moment, "a time with its zone")
    if begin is not None and until is not None and begin >= until:
        raise InvalidFieldError("site.reference_heater_from", begin, f"before reference_heater_until, {until}")
