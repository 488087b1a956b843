"""What a check of a site says: what is wrong, by which numbers, and what to do; and what could not be judged."""

from __future__ import annotations

from dataclasses import dataclass

CODES = {
    "silent": "no value came",
    "frozen": "the value never moves",
    "wrong-unit": "the value is in another unit",
    "wrong-sign": "the value has the wrong sign",
    "implausible": "the value cannot be, and no usual mistake explains it",
    "swapped-supply-return": "supply and return are exchanged",
    "meter-backwards": "the meter counts down",
    "meter-stands": "the meter does not count",
    "energy-mismatch": "heat and electricity do not agree",
    "dead-actuator": "what is written changes nothing",
    "actuator-refuses": "what is written is not taken",
    "wrong-place": "another sensor answers in its place",
    "no-response": "the sensor does not answer to its heater",
    "flow-switch-inverted": "the contact is open while water flows",
    "backup-inverted": "the other heater heats when it is told to rest",
    "layers-upside-down": "the layers of the tank are in reverse order",
}
"""Every kind of finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong.

    Parameters
    ----------
    code : of `CODES`
    entity_id, point : where; of several sensors of a kind `index` says which
    evidence : the numbers that say so
    todo : what to do at the site, or in the fleet file
    confidence : 0.5 (as likely as not) to 1
    """

    code: str
    entity_id: str
    point: str
    evidence: str
    todo: str
    confidence: float = 0.9
    index: int = 0

    @property
    def where(self) -> str:
        """The point, as fleet files and tables name it."""
        return f"{self.entity_id}.{self.point}" + (f".{self.index}" if self.index else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """One thing that the trial could not tell, and why."""

    where: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings of a check, and all that it could not judge, each in order."""

    findings: tuple[Finding, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict(self.findings + other.findings, self.unjudged + other.unjudged)

    def has(self, where: str) -> bool:
        """Whether something is wrong at a point already."""
        return any(finding.where == where for finding in self.findings)
