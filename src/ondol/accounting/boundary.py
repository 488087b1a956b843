"""The boundary of a data centre in the sense of ISO/IEC 30134: through which interfaces energy flows in and out."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ondol.model.checks import check_range, check_text, check_whole
from ondol.model.errors import InvalidFieldError


class HeatPump(enum.Enum):
    """Where a heat pump that lifts the servers' heat stands; ERF and PUE change with it, ERE does not."""

    NONE = "none"
    INSIDE = "inside"
    OUTSIDE = "outside"


_IT_AT = {1: "the output of the UPS", 2: "the output of the PDU", 3: "the input of the IT equipment"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """What is inside, and where energy is counted on its way in and out.

    Parameters
    ----------
    electricity_at : where E_DC enters
    it_category : where E_IT is taken, 1 (UPS), 2 (PDU) or 3 (input of the IT equipment), ISO/IEC 30134-2 table 1
    heat_at : the hand-over point where heat leaves
    heat_pump : where one stands
    partial : a part of a building with other uses: the ratio is then a partial PUE, pPUE
    """

    electricity_at: str = "the plug of each enclosure and its circulating pump"
    it_category: int = 3
    heat_at: str = "the water side of the heat exchanger, or the air of the room for heaters without water"
    heat_pump: HeatPump = HeatPump.NONE
    partial: bool = False

    def __post_init__(self) -> None:
        check_text("boundary.electricity_at", self.electricity_at, 300)
        check_text("boundary.heat_at", self.heat_at, 300)
        check_whole("boundary.it_category", self.it_category, 1, 3)

    @property
    def text(self) -> str:
        """One sentence for a statement."""
        pump = {
            HeatPump.NONE: "no heat pump lifts the heat",
            HeatPump.INSIDE: "the heat pump stands inside: its electricity is in E_DC, its output is reuse",
            HeatPump.OUTSIDE: "the heat pump stands outside: neither its electricity nor its lift is counted",
        }[self.heat_pump]
        part = "; it is a part of a building with other uses" if self.partial else ""
        return (
            f"Electricity enters at {self.electricity_at}; E_IT is taken at {_IT_AT[self.it_category]} "
            f"(category {self.it_category}); heat leaves at {self.heat_at}; {pump}{part}. "
            "Heat that is used inside is no reuse."
        )


def across_heat_pump(
    e_dc_kwh: float, e_reuse_kwh: float, heat_pump_kwh: float, boundary: Boundary
) -> tuple[float, float]:
    """Give (E_DC, E_reuse) of a boundary, from those without the heat pump and the electricity that it took.

    Inside, both grow by its electricity, so that E_DC − E_reuse and with it ERE stay (`reference/footprint.md` §1.1).
    Where no heat was of use, what the heat pump took is of none either: then E_DC alone grows.

    Parameters
    ----------
    e_dc_kwh, e_reuse_kwh : without the heat pump, heat as it enters it [kWh]
    heat_pump_kwh : electricity of the heat pump, ≥ 0 [kWh]
    """
    for name, value in (("e_dc_kwh", e_dc_kwh), ("e_reuse_kwh", e_reuse_kwh), ("heat_pump_kwh", heat_pump_kwh)):
        check_range(name, value, 0.0, 1e18, "kWh")
    if boundary.heat_pump is HeatPump.NONE and heat_pump_kwh > 0:
        raise InvalidFieldError("heat_pump_kwh", heat_pump_kwh, "0 where the boundary knows of no heat pump")
    if boundary.heat_pump is HeatPump.INSIDE:
        return e_dc_kwh + heat_pump_kwh, e_reuse_kwh + (heat_pump_kwh if e_reuse_kwh > 0.0 else 0.0)
    return e_dc_kwh, e_reuse_kwh


class Carrier(enum.Enum):
    """Energy that enters beside electricity; electricity itself is counted as it is."""

    DIESEL_L = "diesel_l"
    GAS_M3 = "gas_m3"
    HYDROGEN_KG = "hydrogen_kg"
    BIOETHANOL_L = "bioethanol_l"
    COOLING_KWH = "cooling_kwh"  # chilled water from outside, as its meter has it


KWH_PER_UNIT = {
    Carrier.DIESEL_L: 9.9,
    Carrier.GAS_M3: 10.5,
    Carrier.HYDROGEN_KG: 38.9,
    Carrier.BIOETHANOL_L: 6.0,
    Carrier.COOLING_KWH: 1.0,
}
"""Conversion that EN 50600-4 uses, by litre, cubic metre or kilogram (ictfootprint.eu factsheet; footprint.md §1.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inflow:
    """Energy other than electricity that entered in the window.

    Parameters
    ----------
    amount : in the unit that the carrier's name ends with, ≥ 0
    g_per_kwh : of what it emits, by kWh of the carrier, on the footing of the electricity's [gCO2e/kWh]
    backup : taken by the emergency generator, which EU 2024/1364 wants apart
    """

    carrier: Carrier
    amount: float
    g_per_kwh: float
    backup: bool = False

    def __post_init__(self) -> None:
        check_range(f"inflow.{self.carrier.value}", self.amount, 0.0, 1e15)
        check_range("inflow.g_per_kwh", self.g_per_kwh, 0.0, 5000.0, "g/kWh")

    @property
    def kwh(self) -> float:
        """In kWh, as EN 50600-4 converts it."""
        return self.amount * KWH_PER_UNIT[self.carrier]

    @property
    def grams(self) -> float:
        """What it emits [gCO2e]."""
        return self.kwh * self.g_per_kwh
