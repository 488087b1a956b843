"""Cycles burnt for heat, shown as what they are: electricity that made heat and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ondol.accounting.account.figure import Figure, Section
from ondol.accounting.waste import Spent, burnt
from ondol.model.ids import TaskId
from ondol.model.ledger import WorkFact

_J_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Burnt:
    """What one request to burn took.

    Parameters
    ----------
    words : the name of its tasks: that it is burnt, who asked for it and why
    energy_j : IT electricity without overhead, ≥ 0 [J]
    co2e_g : its operational carbon [gCO2e]
    """

    words: str
    attempts: int
    energy_j: float
    co2e_g: float


def burnt_of(spent: Iterable[Spent], works: Mapping[TaskId, WorkFact]) -> tuple[Burnt, ...]:
    """Find what was burnt among some attempts, by the name that only burning may have; sorted by these words.

    Parameters
    ----------
    works : whose work each task was; a task that is not there was burnt by nobody
    """
    found: dict[str, tuple[int, float, float]] = {}
    for one in spent:
        fact = works.get(one.task_id)
        if fact is not None and burnt(fact):
            count, energy_j, grams = found.get(fact.name, (0, 0.0, 0.0))
            found[fact.name] = (count + 1, energy_j + one.energy_j, grams + one.co2e_g)
    return tuple(
        Burnt(words=words, attempts=count, energy_j=energy_j, co2e_g=grams)
        for words, (count, energy_j, grams) in sorted(found.items())
    )


def burnt_sections(found: Iterable[Burnt]) -> tuple[Section, ...]:
    """The section of a statement that says so; none where nothing was burnt."""
    figures = [
        Figure(
            key=f"burnt_{number}_kwh",
            label=f"{one.words[0].upper()}{one.words[1:]}",
            value=one.energy_j / _J_PER_KWH,
            unit="kWh",
            method=f"IT electricity of {one.attempts} attempts; {one.co2e_g:.4g} gCO2e; charged to the heat",
            source="ledger: energy rows of class filler, named at their submission",
        )
        for number, one in enumerate(found, 1)
    ]
    if not figures:
        return ()
    note = "These cycles computed nothing for anybody. They are in the sums above as work run for heat alone."
    return (Section(key="burnt", title="Burnt for heat", figures=tuple(figures), note=note),)
