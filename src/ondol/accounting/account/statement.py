"""A whole statement: what is said of work (an instance to a project) or places (a site to the fleet) over a window."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ondol.accounting.account.figure import Section
from ondol.accounting.allocation import AllocationView
from ondol.accounting.avoided import Avoided, Span
from ondol.accounting.basket import Basket
from ondol.model.checks import check_choice
from ondol.model.errors import InvalidFieldError

WORK_KINDS = ("instance", "task", "job", "pool", "user", "project")
SITE_KINDS = ("site", "host", "fleet")
KINDS = (*WORK_KINDS, *SITE_KINDS)
SCHEMA = "ondol-account/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom or what a statement is about.

    Parameters
    ----------
    kind : one of `KINDS`
    id, name : as the installation knows it
    """

    kind: str
    id: str
    name: str

    def __post_init__(self) -> None:
        check_choice("statement.kind", self.kind, KINDS)

    @property
    def of_work(self) -> bool:
        """Whether it is about work, and not about places."""
        return self.kind in WORK_KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Rows that begin in [start, end), platform time.

    Parameters
    ----------
    whole : all that the ledger has of the subject
    annual : a year of rows without a hole; ratios over less are interim
    """

    start: dt.datetime
    end: dt.datetime
    whole: bool = False
    annual: bool = False

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise InvalidFieldError("statement.end", self.end, "after the start of the window")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventions:
    """On what a statement rests; with the ledger's rows it can be computed again from these.

    Parameters
    ----------
    registry : version of the factors, with the hash of own rows
    basis, basis_scope, basis_note : the carbon basis
    split_rule : how a node's energy was shared
    bin_s : time resolution of useful heat [s]
    """

    registry: str
    basis: str
    basis_scope: str
    basis_note: str
    split_rule: str
    bin_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the parts that a statement is the sum of.

    Parameters
    ----------
    kind : "task", "place", "share" or "site"
    count : how many parts it stands for, above 1 for the rest of a long list
    total_g : operational and known embodied carbon [gCO2e]
    """

    kind: str
    id: str
    name: str
    it_kwh: float
    total_kwh: float
    operational_g: float
    total_g: float
    useful_kwh: float | None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ByContract:
    """View A6: what a contract gives of what is avoided to who takes the heat, and to who computes; they sum to it."""

    contract: str
    heat_share: float
    heat: Span
    compute: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class AvoidedAt:
    """The box of avoided emissions for one site: `made`, or why there is none; `contract` where one shares it.

    `rest` says what heat of the window is not in it, as its reference heater stands for a part of the time alone.
    """

    site_id: str
    site_name: str
    useful_kwh: float | None
    made: Avoided | None
    refused: str = ""
    contract: ByContract | None = None
    rest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketAt:
    """The comparison by functions for one site: `made`, or why there is none; `heater_id` is the row of its heater."""

    site_id: str
    site_name: str
    heater_id: str
    against: str
    made: Basket | None
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One bar of the drawings: an hour or a day from `start` on.

    Parameters
    ----------
    kwh : electricity by share: job, heat_only, idle, overhead [kWh]
    counted_g : operational carbon on the basis [gCO2e]
    useful_kwh : useful heat [kWh]; None without a heat meter
    """

    start: dt.datetime
    kwh: Mapping[str, float]
    counted_g: float
    useful_kwh: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One cause of uncertainty of the inventory's total: by how much it lowers and raises it [gCO2e]."""

    cause: str
    below_g: float
    above_g: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Who may say that a part of the heat is theirs.

    Parameters
    ----------
    kwh : of useful heat [kWh]
    share : of those kWh, 0 to 1
    """

    site_id: str
    holder: str
    start: dt.datetime
    end: dt.datetime
    kwh: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """All that is said.

    Parameters
    ----------
    goal : goal, functional units and boundary, in sentences
    sections : the figures, section by section, the inventory line without heat credit first
    views : allocation views A0 to A3 of the inventory's total; each conserves it
    avoided, baskets : comparisons, site by site, never netted with the inventory
    parts : what it is the sum of; `residual` is the relative difference between their sum and the whole
    drivers : what makes the inventory's total uncertain, the largest first; `driver` says it in a sentence
    claims : who holds which part of the heat; None where that is not for the caller or not kept
    findings : what does not add up in the ledger's rows
    missing : what is not known, by name, with why
    """

    subject: Subject
    window: Window
    conventions: Conventions
    goal: tuple[str, ...]
    sections: tuple[Section, ...]
    views: tuple[AllocationView, ...]
    avoided: tuple[AvoidedAt, ...]
    baskets: tuple[BasketAt, ...]
    parts: tuple[Part, ...]
    residual: float
    drivers: tuple[Driver, ...]
    driver: str
    series: tuple[Point, ...]
    step_s: float
    timezone: str
    claims: tuple[Held, ...] | None
    findings: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]

    def section(self, key: str) -> Section:
        """Give a section by its key; raises InvalidFieldError where there is none."""
        for section in self.sections:
            if section.key == key:
                return section
        raise InvalidFieldError("section", key, "one of " + ", ".join(section.key for section in self.sections))

    def value(self, section: str, key: str) -> float | None:
        """Value of a figure."""
        return self.section(section).value(key)

    @property
    def avoided_total(self) -> tuple[Span, Span] | None:
        """Avoided against the named heaters and against heat pumps, all sites that have a box together [gCO2e]."""
        boxes = [box.made for box in self.avoided if box.made is not None]
        if not boxes:
            return None
        return _sum(box.named for box in boxes), _sum(box.heat_pump for box in boxes)


def _sum(spans: Iterable[Span]) -> Span:
    found = list(spans)
    return Span(
        g=math.fsum(one.g for one in found),
        low_g=math.fsum(one.low_g for one in found),
        high_g=math.fsum(one.high_g for one in found),
    )
