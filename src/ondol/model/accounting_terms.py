"""How an installation counts: the `[accounting]` table of its fleet file."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.checks import check_choice, check_range, check_text
from ondol.model.errors import InvalidFieldError

BASES = ("lca_levelled", "lca_annual", "direct_hourly")
SPLIT_RULES = ("cpu-time", "ceems")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountingTerms:
    """Conventions of an installation's statements, budgets and quotes.

    Parameters
    ----------
    basis : name of the carbon basis (`ondol.accounting.basis`)
    factors : path of the operator's own rows of factors, relative to the fleet file; "" for none
    legal_entity : who runs the sites that name none of their own
    split_rule : how a node's measured energy is split over its jobs (`ondol.accounting.split`)
    boavizta_url : of a BoaviztAPI to ask about hardware with `boavizta = true`; "" for none
    flexibility_bonus_share : part of the saving by waiting that is credited to its user, 0 to 1
    reference_pue : PUE of the data centre that the basket of functions compares with, 1 to 3
    reference_pue_source : where it comes from
    """

    basis: str = "lca_levelled"
    factors: str = ""
    legal_entity: str = ""
    split_rule: str = "cpu-time"
    boavizta_url: str = ""
    flexibility_bonus_share: float = 0.5
    reference_pue: float = 1.4
    reference_pue_source: str = "assumed; 1.4 and 1.1 bracket today's data centres (ondol study 2026-11, §5)"

    def __post_init__(self) -> None:
        check_choice("accounting.basis", self.basis, BASES)
        check_choice("accounting.split_rule", self.split_rule, SPLIT_RULES)
        check_range("accounting.flexibility_bonus_share", self.flexibility_bonus_share, 0.0, 1.0)
        check_range("accounting.reference_pue", self.reference_pue, 1.0, 3.0)
        check_text("accounting.reference_pue_source", self.reference_pue_source, 300)
        for name in ("factors", "legal_entity", "boavizta_url"):
            if getattr(self, name):
                check_text(f"accounting.{name}", getattr(self, name), 500)
        if self.boavizta_url and not self.boavizta_url.startswith(("http://", "https://")):
            raise InvalidFieldError(
                "accounting.boavizta_url", self.boavizta_url, "an address such as http://127.0.0.1:5000"
            )
