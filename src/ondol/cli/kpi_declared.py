"""Options of `ondol kpi` for what no meter has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Group, Parameter


@Parameter(name="*", group=Group("What no meter has seen", sort_key=80))
@dataclass(frozen=True, kw_only=True)
class Declared:
    """What you stand for; the answer says that it was declared."""

    inflow: Annotated[
        tuple[str, ...],
        Parameter(
            negative="",
            help="Energy beside electricity, CARRIER:AMOUNT:G_PER_KWH, :backup for a generator; repeatable.",
        ),
    ] = ()
    contract: Annotated[
        tuple[str, ...],
        Parameter(
            negative="", help="Electricity by contract, goo, ppa or supplier:KWH:G_PER_KWH:EVIDENCE; repeatable."
        ),
    ] = ()
    heat_pump: Annotated[
        Literal["none", "inside", "outside"],
        Parameter(help="Side of the boundary on which a heat pump lifts the heat."),
    ] = "none"
    heat_pump_kwh: Annotated[float, Parameter(help="Its electricity in the window, in kWh.")] = 0.0
    it_category: Annotated[int, Parameter(help="Where E_IT is taken: 1 UPS, 2 PDU, 3 input of the servers.")] = 3
    partial: Annotated[bool, Parameter(negative="", help="A part of a building: a partial PUE.")] = False

    @property
    def query(self) -> dict[str, object]:
        """As the API takes it."""
        return {
            "inflow": ";".join(self.inflow) or None,
            "contract": ";".join(self.contract) or None,
            "heat_pump": self.heat_pump,
            "heat_pump_kwh": self.heat_pump_kwh,
            "it_category": self.it_category,
            "partial": "true" if self.partial else None,
        }


NOTHING = Declared()
