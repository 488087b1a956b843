"""What an installation counts carbon with: its factors, its basis, and what making its machines cost."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ondol.accounting.basis import Basis, basis_for
from ondol.accounting.embodied import EmbodiedBook, Impacts
from ondol.accounting.factor_combine import heaters, useful_heat
from ondol.accounting.registry import Registry
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId
from ondol.signals.factors import SERIES_SCOPE, SERIES_YEAR, registry_with, series_means

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonGround:
    """One for the life of a platform; a change of factors or hardware takes a new start.

    Parameters
    ----------
    embodied_g_per_h : of the nodes whose hardware is known, in their lives [gCO2e/h]
    specifications : every kind of machine of the fleet, with one node of it
    """

    registry: Registry
    basis: Basis
    book: EmbodiedBook
    embodied_g_per_h: Mapping[NodeId, float]
    specifications: Mapping[str, NodeId]

    def embodied_g_per_h_at(self, when: dt.datetime) -> dict[NodeId, float]:
        """Embodied carbon of an hour of each known node at a moment, 0 of those whose life is over [gCO2e/h]."""
        over = {node for node, at in self.book.written_off().items() if at <= when}
        return {node: 0.0 if node in over else rate for node, rate in self.embodied_g_per_h.items()}


def carbon_ground(fleet: Fleet, cache: Path | None = None, *, ask: bool = True) -> CarbonGround:
    """Make what a fleet's terms ask for.

    Parameters
    ----------
    cache : file that remembers answers of BoaviztAPI; None for none
    ask : whether BoaviztAPI is asked; else the hardware that wants it stays unknown

    Raises
    ------
    FactorTableError, NotFoundError : own factors with mistakes, or not there; a country without life-cycle factor
    InvalidFieldError : a basis that a country's series does not go with, a reference heater or hardware that the
        registry does not know
    """
    terms = fleet.accounting
    registry = registry_with(Path(terms.factors) if terms.factors else None)
    _check_heaters(fleet, registry)
    basis = basis_for(
        fleet.sites,
        registry,
        terms.basis,
        series_mean_g_per_kwh=series_means(),
        series_year=SERIES_YEAR,
        series_scope=SERIES_SCOPE,
    )
    answers, silent = _asked(fleet, cache, ask=ask)
    book = EmbodiedBook.of(fleet, registry, answers, silent)
    for node_id, why in book.unknown.items():
        _log.info("embodied impacts of node %s are not known: %s", node_id, why)
    rates = {node.id: book.rate(node.id) for node in fleet.nodes}
    return CarbonGround(
        registry=registry,
        basis=basis,
        book=book,
        embodied_g_per_h={
            node_id: 1e3 * rate.gwp.value
            for node_id, rate in rates.items()
            if rate is not None and rate.gwp is not None
        },
        specifications={node.specification: node.id for node in reversed(fleet.nodes)},
    )


def _check_heaters(fleet: Fleet, registry: Registry) -> None:
    known = [row.id for row in heaters(registry)]
    for site in fleet.sites:
        if site.reference_heater and site.reference_heater not in known:
            raise InvalidFieldError(
                f"site[{site.id}].reference_heater", site.reference_heater, f"one of {', '.join(known)}, or an own row"
            )
        if site.reference_heater:
            useful_heat(registry, site.reference_heater, site.country)  # what does not go together is told now


def _asked(fleet: Fleet, cache: Path | None, *, ask: bool) -> tuple[dict[str, Mapping[str, Impacts]], dict[str, str]]:
    """Ask BoaviztAPI about the hardware that wants it; what it does not answer stays unknown, with why."""
    answers: dict[str, Mapping[str, Impacts]] = {}
    silent: dict[str, str] = {}
    wanted = [kind for kind in fleet.hardware if kind.boavizta]
    if wanted and not fleet.accounting.boavizta_url:
        raise InvalidFieldError(
            f"hardware[{wanted[0].specification}].boavizta", True, "false, or with boavizta_url in [accounting]"
        )
    if not wanted or not ask:
        return answers, {kind.specification: "BoaviztAPI was not asked" for kind in wanted}
    from ondol.signals.boavizta import Boavizta  # with its HTTP client, which few installations need

    api = Boavizta(fleet.accounting.boavizta_url, cache)
    for kind in wanted:
        try:
            answers[kind.specification] = api.ask(kind)
        except UnavailableError as error:
            _log.warning("%s", error)
            silent[kind.specification] = str(error)
    return answers, silent
