"""What a worksheet may state, section by section; what is misspelt or missing is refused with its place."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from ondol.accounting.boundary import Carrier
from ondol.accounting.scope_two import Instrument
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import Heating, Mix, Scope

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_PLACE = re.compile(r"^(?P<what>.*) - at `(?P<place>[^`]*)`$", re.DOTALL)


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys that are not known are refused: a misspelt one would count as left out."""


class Heat(_Section, frozen=True, kw_only=True):
    """Heat of one stretch of time, a month or less: what was handed over, and what was asked for [kWh]."""

    delivered_kwh: float
    demanded_kwh: float
    period: str = ""


class In(_Section, frozen=True, kw_only=True):
    """Energy other than electricity that entered; see `boundary.Inflow`."""

    carrier: Carrier
    amount: float
    g_per_kwh: float
    backup: bool = False


class Bought(_Section, frozen=True, kw_only=True):
    """Electricity that an instrument covers; see `scope_two.Contract`."""

    instrument: Instrument
    kwh: float
    g_per_kwh: float
    evidence: str
    renewable: bool = True


class Place(_Section, frozen=True, kw_only=True):
    """One site or data centre over one period; together they are a fleet.

    Parameters
    ----------
    electricity_kwh : all that entered the boundary, the IT's too [kWh]; without a heat pump that stands inside
    e_it_kwh : of the IT equipment [kWh]
    g_per_kwh : location-based factor of that electricity [gCO2e/kWh]
    heat : by stretches of time; left out without a heat meter
    water_l, renewable_kwh : taken in [L]; made on site and used [kWh]; left out without a meter
    contracts, residual_g_per_kwh : what was bought, and the residual mix for the rest [gCO2e/kWh]
    heat_removed_kwh, cooling_kwh : by and of the cooling, for CER [kWh]
    heat_pump, heat_pump_kwh : where one that lifts the heat stands, and its electricity [kWh]
    tasks, embodied_g : for SCI: how many ran, and the share of making the hardware [gCO2e]
    """

    name: Name
    electricity_kwh: float
    e_it_kwh: float
    g_per_kwh: float | None = None
    inflow: tuple[In, ...] = ()
    heat: tuple[Heat, ...] | None = None
    water_l: float | None = None
    renewable_kwh: float | None = None
    contract: tuple[Bought, ...] = ()
    residual_g_per_kwh: float | None = None
    heat_removed_kwh: float | None = None
    cooling_kwh: float | None = None
    heat_pump: Literal["none", "inside", "outside"] = "none"
    heat_pump_kwh: float = 0.0
    it_category: int = 3
    partial: bool = False
    tasks: int = 0
    embodied_g: float | None = None


class OwnFactor(_Section, frozen=True, kw_only=True):
    """A factor that is not in the registry, or the efficiency of a heater; see `model.factor.Factor`."""

    value: float
    source: str
    low: float | None = None
    high: float | None = None
    unit: str = "kgCO2e/kWh"
    scope: Scope = Scope.LCA
    mix: Mix = Mix.AVERAGE
    calorific: Heating = Heating.NONE


class Efficiency(OwnFactor, frozen=True, kw_only=True):
    """Useful heat by kWh of the carrier over a season, a SCOP for heat pumps."""

    unit: Literal["1", "kWh/kWh"] = "1"


class Reference(_Section, frozen=True, kw_only=True):
    """What would make the heat otherwise: a heater of the registry, or carrier and efficiency of one's own.

    Parameters
    ----------
    heater : id of a heater, e.g. "heater-gas-condensing"; or left out
    carrier, efficiency : by kWh of fuel or electricity, and useful heat by kWh of it; on one calorific basis
    electric : the carrier is electricity
    evidence, until : who stands for it, and to which day it would have been there
    heat_share, contract : view A6, where a contract shares what is avoided
    """

    evidence: str
    until: dt.date
    heater: str = ""
    carrier: OwnFactor | None = None
    efficiency: Efficiency | None = None
    electric: bool = False
    heat_share: float | None = None
    contract: str = ""


class Centre(_Section, frozen=True, kw_only=True):
    """The data centre and the heater of the basket of functions; see `basket`.

    Parameters
    ----------
    g_per_kwh : of its grid, where that is another; the heater stands where the heat is, on the job's
    useful_share : c; what was not run for heat alone where left out
    """

    pue: float
    scop: float
    source: str
    g_per_kwh: float | None = None
    useful_share: float | None = None
    efficiency_ratio: float = 1.0
    heater: str = ""


class Job(_Section, frozen=True, kw_only=True):
    """One job, or one site taken as a whole: what it took and what heat came of it.

    Parameters
    ----------
    total_kwh, it_kwh : electricity with its overhead, and of the servers [kWh]
    g_per_kwh : factor of the electricity, also of heaters that draw some [gCO2e/kWh]; life cycle
    country : whose average grid such heaters draw from in its place
    embodied_g : share of making the hardware [gCO2e]
    useful_heat_kwh : both delivered and demanded, at most `total_kwh` [kWh]; left out without a heat meter
    heat_only_kwh : of `total_kwh`, what ran for heat alone; the heat bears it in every view [kWh]
    standby_kwh, auxiliary_kwh, meter_uncertainty : see `avoided.UsefulHeat`
    supply_c, return_c, surroundings_c : for view A2 [°C]
    heat_eur_per_kwh, takings_eur : for view A3
    end : of the window; the reference has to stand until then
    """

    name: Name
    total_kwh: float
    it_kwh: float
    g_per_kwh: float
    country: str = ""
    embodied_g: float = 0.0
    useful_heat_kwh: float | None = None
    heat_only_kwh: float = 0.0
    standby_kwh: float = 0.0
    auxiliary_kwh: float = 0.0
    meter_uncertainty: float = 0.0
    supply_c: float | None = None
    return_c: float | None = None
    surroundings_c: float | None = None
    heat_eur_per_kwh: float | None = None
    takings_eur: float | None = None
    end: dt.date | None = None
    scope: Scope = Scope.LCA
    mix: Mix = Mix.AVERAGE
    reference: Reference | None = None
    data_centre: Centre | None = None


class Software(_Section, frozen=True, kw_only=True):
    """SCI by ISO/IEC 21031; see `kpi.sci`."""

    name: Name
    e_it_kwh: float
    pue: float
    g_per_kwh: float
    embodied_total_g: float
    lifetime_h: float
    reserved_h: float
    resources_reserved: float
    resources_total: float
    functional_units: float
    mix: Mix = Mix.AVERAGE


class Use(_Section, frozen=True, kw_only=True):
    """What one job took of a node; see `split.AttemptUse`."""

    name: Name
    cpu_s: float
    slots: int = 1
    held_s: float | None = None
    memory_gb: float | None = None
    filler: bool = False


class Split(_Section, frozen=True, kw_only=True):
    """A node's energy over one window, and who was there; see `split.NodeWindow`."""

    name: Name
    rule: str
    power_w: float
    seconds: float
    idle_w: float = 0.0
    slots: int = 1
    package_w: float | None = None
    dram_w: float | None = None
    use: tuple[Use, ...] = ()


class Sheet(_Section, frozen=True, kw_only=True):
    """A whole worksheet; every section may be left out, and each of its tables is worked out by itself."""

    site: tuple[Place, ...] = ()
    job: tuple[Job, ...] = ()
    sci: tuple[Software, ...] = ()
    split: tuple[Split, ...] = ()


def read_sheet(document: Mapping[str, Any]) -> Sheet:
    """Give the worksheet that a TOML or JSON document states.

    Raises InvalidFieldError with the place of what is not known, missing or of another type.
    """
    try:
        sheet = msgspec.convert(document, Sheet)
    except msgspec.ValidationError as error:
        found = _PLACE.match(str(error))
        place = "worksheet" if found is None else found["place"].removeprefix("$").removeprefix(".") or "worksheet"
        what = str(error) if found is None else found["what"]
        raise InvalidFieldError(
            place, _at(document, place), f"as docs/howto/work-out-a-figure.md has it ({what})"
        ) from error
    if not (sheet.site or sheet.job or sheet.sci or sheet.split):
        raise InvalidFieldError("worksheet", "", "at least one table [[site]], [[job]], [[sci]] or [[split]]")
    return sheet


def _at(document: Any, place: str) -> Any:
    """What stands at a place such as "site[0].e_it_kwh"; the place itself where it cannot be followed."""
    found = document
    for key, number in re.findall(r"(\w+)|\[(\d+)\]", place):
        try:
            found = found[key] if key else found[int(number)]
        except (KeyError, IndexError, TypeError):
            return place
    return place if isinstance(found, (Mapping, list)) else found
