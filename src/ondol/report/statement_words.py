"""How a whole statement is put into words; the same on the terminal, on the page and on paper."""

from __future__ import annotations

import datetime as dt

from ondol.accounting.account.figure import Figure
from ondol.accounting.account.statement import Statement
from ondol.accounting.avoided import Span
from ondol.accounting.wording import check_words
from ondol.report import words

KIND_TITLES = {
    "instance": "Instance",
    "task": "Task",
    "job": "Job",
    "pool": "Pool of slots",
    "user": "User",
    "project": "Project",
    "site": "Site",
    "host": "Host",
    "fleet": "Fleet",
}
_SCALES = {
    "gCO2e": ((1e6, "tCO2e"), (1e3, "kgCO2e")),
    "kWh": ((1e6, "GWh"), (1e3, "MWh")),
    "kgSb": ((1e-3, ""), (1e-6, "gSb")),
    "MJ": ((1e3, "GJ"),),
    "L": ((1e3, "m³"),),
}


def title(statement: Statement) -> str:
    """Name of what it is about, with its kind."""
    subject = statement.subject
    return f"{KIND_TITLES[subject.kind]}: {subject.name}"


def amount(value: float | None, unit: str, digits: int = 3) -> str:
    """A value with its unit, in thousands of it where that reads better; a dash where it is unknown."""
    if value is None or unit == "1":
        return words.number(value, digits)
    if unit.startswith("gCO2e/") and abs(value) >= 1e3:
        return f"{_number(value / 1e3, digits)} k{unit}"
    if unit == "kgSb":
        small = 0.0 < abs(value) < 1e-3
        return f"{_number(value * 1e6 if small else value, digits)} {'mg' if small else 'kg'}Sbeq"
    for scale, name in _SCALES.get(unit, ()):
        if name and scale >= 1.0 and abs(value) >= scale:
            return f"{_number(value / scale, digits)} {name}"
    if unit.endswith("s") and value == int(value):
        return f"{int(value)} {unit[:-1] if value == 1 and len(unit) > 1 else unit}"
    return f"{_number(value, digits)} {unit}"


def _number(value: float, digits: int) -> str:
    return "−" + words.number(-value, digits) if value < 0 else words.number(value, digits)


def band(low: float | None, high: float | None, unit: str) -> str:
    """A range; "" where none is stated."""
    if low is None and high is None:
        return ""
    if low is None:
        return f"up to {amount(high, unit)}"
    return f"{_beside(low, high, unit)} to {amount(high, unit)}"


def _beside(value: float, other: float | None, unit: str) -> str:
    """A number in the unit in which another is shown, which stands behind that one."""
    told = amount(other, unit).rpartition(" ")[2]
    scale = next((scale for scale, name in _SCALES.get(unit, ()) if name == told and scale >= 1.0), None)
    if unit.startswith("gCO2e/") and told.startswith("k"):
        scale = 1e3
    if told == "mgSbeq":
        scale = 1e-6
    if scale is None:
        return amount(value, unit) if told not in (unit, f"{unit}eq") else _number(value, 3)
    return _number(value / scale, 3)


def shown(figure: Figure) -> str:
    """The value of a figure with its unit, or that it is not known."""
    return "not known" if figure.value is None else amount(figure.value, figure.unit)


def span(one: Span) -> str:
    """A central figure of carbon with its range."""
    return f"{amount(one.g, 'gCO2e')} ({band(one.low_g, one.high_g, 'gCO2e')})"


def when(statement: Statement) -> str:
    """The window at the place of the subject."""
    start, end = (words.local(one, statement.timezone, "%d %b %Y %H:%M") for one in _edges(statement))
    return f"{start} to {end} ({statement.timezone})"


def lead(statement: Statement) -> list[str]:
    """The statement in a few sentences."""
    energy, inventory, heat = (statement.section(key) for key in ("energy", "inventory", "heat"))
    total = amount(energy.value("total_kwh"), "kWh")
    operational = amount(inventory.value("operational_g"), "gCO2e")
    whole, made = inventory.value("total_g"), inventory.value("embodied_g")
    sentence = f"It took {total} of electricity, which stands for {operational} at the grid"
    if whole is not None:
        sentence += f"; with {amount(made, 'gCO2e')} of making the hardware {amount(whole, 'gCO2e')} in all"
    else:
        sentence += "; what making the hardware cost is not known"
    told = [f"{sentence}. No credit for heat is in this."]
    useful = heat.value("useful_kwh")
    if useful is None:
        told.append("No heat was metered, so nothing is said of heat.")
    else:
        told.append(
            f"{amount(heat.value('handed_over_kwh'), 'kWh')} of heat came of it; {amount(useful, 'kWh')} of that came "
            "while it was wanted."
        )
    avoided = statement.avoided_total
    if avoided is not None:
        told.append(f"Beside the inventory: {amount(avoided[0].g, 'gCO2e')} avoided, compared with the named reference "
                    f"heaters; {amount(avoided[1].g, 'gCO2e')}, compared with heat pumps.")  # fmt: skip
    for one in told:
        check_words(one, "statement")
    return told


def adds_up(statement: Statement) -> str:
    """Whether the parts are the whole."""
    what = {
        "instance": "Places",
        "task": "Places",
        "job": "Tasks",
        "pool": "Tasks",
        "user": "Tasks",
        "project": "Tasks",
        "site": "Shares",
        "host": "Sites",
        "fleet": "Sites",
    }[statement.subject.kind]
    if statement.residual <= 1e-9:
        exact = "exactly" if statement.residual == 0.0 else f"to {statement.residual:.0e} relative (1e-09 is allowed)"
        return f"{what} sum to the whole {exact}."
    return f"{what} do not sum to the whole: {statement.residual:.1e} relative."


def _edges(statement: Statement) -> tuple[dt.datetime, dt.datetime]:
    return statement.window.start, statement.window.end
