"""Sites, units and nodes: the places where electricity becomes work and heat."""

from __future__ import annotations

import datetime as dt
import enum
import re
from dataclasses import dataclass

from ondol.model.checks import check_choice, check_id, check_range, check_text, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import CircuitId, NodeId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.site_accounts import check_site_accounts
from ondol.model.zones import check_timezone

_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class UnitKind(enum.Enum):
    """What a unit is; a server rack gives its heat to nobody."""

    DIGITAL_HEATER = "digital_heater"
    DIGITAL_BOILER = "digital_boiler"
    SERVER_RACK = "server_rack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A building or plant with heat demand and units.

    Parameters
    ----------
    timezone : IANA name
    country : ISO 3166 alpha-2, chooses the grid's carbon intensity
    climate : key of a weather series in `ondol.signals`, e.g. "H1a"
    pue : electricity of the site's compute boundary over that of its IT (ISO/IEC 30134-2), 1 to 3
    electrical_limit_w : most power all its units may draw together [W]
    agent : "embedded": its agent runs inside the platform; "own": in a process at the site, `ondol agent --site`
    legal_entity : who runs it, for key figures by legal entity; "" for that of `[accounting]`
    siret : of the establishment in France, 14 digits; "" for none
    installed_it_w : rated power of its IT (P_DIT of EU 2024/1364); None for the sum of its nodes' full load [W]
    postcode : of the place, as it is written there
    region : of the heat signal, an id such as "fr-idf"; "" for the country
    reference_heater : what would heat it without compute: id of a row "heater-…" of the registry; "" for none
    reference_heater_from : since when it is that heater; heat before is not compared with it; None for always
    reference_heater_until : when that heater would have been replaced anyway; nothing is avoided after it
    reference_heater_evidence : what shows that it is there: contract, audit, photograph of the plate
    standby_kwh_per_kwh : heat that its backup goes on losing though it runs less, by kWh of useful heat, 0 to 1
    auxiliary_kwh_per_kwh : electricity of pumps for the heat that `pue` does not hold, by kWh of useful heat, 0 to 1
    avoided_share_heat : of what the heat avoids, the part that a contract gives to who takes it, 0 to 1; None without
    avoided_contract : the contract that says so
    heat_price_eur_per_kwh, compute_price_eur_per_kwh : for allocation by price; None where there is none [€/kWh]
    market_g_per_kwh : by contract (market-based), shown beside the grid's and never used for heat; None without one
    market_evidence : the contract or guarantees of origin that say so
    """

    id: SiteId
    name: str
    timezone: str = "Europe/Paris"
    country: str = "FR"
    climate: str = "H1a"
    latitude_deg: float = 48.8
    longitude_deg: float = 2.0
    pue: float = 1.0
    electrical_limit_w: float = 1e6
    agent: str = "embedded"
    legal_entity: str = ""
    siret: str = ""
    installed_it_w: float | None = None
    postcode: str = ""
    region: str = ""
    reference_heater: str = ""
    reference_heater_from: dt.datetime | None = None
    reference_heater_until: dt.datetime | None = None
    reference_heater_evidence: str = ""
    standby_kwh_per_kwh: float = 0.0
    auxiliary_kwh_per_kwh: float = 0.0
    avoided_share_heat: float | None = None
    avoided_contract: str = ""
    heat_price_eur_per_kwh: float | None = None
    compute_price_eur_per_kwh: float | None = None
    market_g_per_kwh: float | None = None
    market_evidence: str = ""

    def __post_init__(self) -> None:
        check_id("site.id", self.id)
        check_text("site.name", self.name)
        check_timezone("site.timezone", self.timezone)
        check_range("site.pue", self.pue, 1.0, 3.0)
        check_range("site.latitude_deg", self.latitude_deg, -90.0, 90.0, "°")
        check_range("site.longitude_deg", self.longitude_deg, -180.0, 180.0, "°")
        check_range("site.electrical_limit_w", self.electrical_limit_w, 1.0, 1e9, "W")
        check_text("site.climate", self.climate, 40)
        check_choice("site.agent", self.agent, ("embedded", "own"))
        if len(self.country) != 2 or not self.country.isupper():
            raise InvalidFieldError("site.country", self.country, "two capital letters (ISO 3166)")
        check_site_accounts(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One heat-producing appliance; it heats a zone (air) or a circuit (water), a rack heats neither.

    Parameters
    ----------
    capture_fraction : share of the electric power that reaches the liquid or the shell, 0 to 1
    case_ua_w_per_k : case loss of a boiler to its room [W/K]; never a percentage
    shell_ua_w_per_k : from a heater's shell to the room air [W/K]
    heat_capacity_j_per_k : of the shell, or of the loop's water and metal [J/K]
    loop_temp_max_c : loop temperature at which the unit throttles itself [°C]
    surface_temp_max_c : of what people can touch; checked where a surface sensor is bound, by the loop where it is
        lost. 60 °C stays below what burns at a touch of 1 s, about 65 °C on bare metal and more on plastic (EN ISO
        13732-1:2008, burn thresholds); where it may be touched for longer less is needed, 43 °C for good [°C]
    quiet_from, quiet_to : quiet hours of every day, local time of the site, "HH:MM", over midnight too; "" for none
    quiet_power_w : most that it may draw meanwhile; its idle power cannot be refused [W]
    min_on_s, min_off_s : least time between changes of a node of this unit [s]
    """

    id: UnitId
    site_id: SiteId
    kind: UnitKind
    zone_id: SinkId | None = None
    circuit_id: CircuitId | None = None
    capture_fraction: float = 1.0
    case_ua_w_per_k: float = 5.0
    shell_ua_w_per_k: float = 15.0
    heat_capacity_j_per_k: float = 22_500.0
    loop_temp_max_c: float = 65.0
    surface_temp_max_c: float = 60.0
    quiet_from: str = ""
    quiet_to: str = ""
    quiet_power_w: float = 0.0
    min_on_s: float = 600.0
    min_off_s: float = 600.0

    def __post_init__(self) -> None:
        check_id("unit.id", self.id)
        check_range("unit.capture_fraction", self.capture_fraction, 0.0, 1.0)
        check_range("unit.case_ua_w_per_k", self.case_ua_w_per_k, 0.0, 1000.0, "W/K")
        check_range("unit.shell_ua_w_per_k", self.shell_ua_w_per_k, 0.1, 1000.0, "W/K")
        check_range("unit.heat_capacity_j_per_k", self.heat_capacity_j_per_k, 100.0, 1e8, "J/K")
        check_range("unit.loop_temp_max_c", self.loop_temp_max_c, 20.0, 95.0, "°C")
        check_range("unit.surface_temp_max_c", self.surface_temp_max_c, 30.0, 120.0, "°C")
        check_range("unit.quiet_power_w", self.quiet_power_w, 0.0, 1e7, "W")
        self._check_quiet()
        check_range("unit.min_on_s", self.min_on_s, 0.0, 86_400.0, "s")
        check_range("unit.min_off_s", self.min_off_s, 0.0, 86_400.0, "s")
        wanted = {
            UnitKind.DIGITAL_HEATER: (True, False),
            UnitKind.DIGITAL_BOILER: (False, True),
            UnitKind.SERVER_RACK: (False, False),
        }[self.kind]
        if (self.zone_id is not None, self.circuit_id is not None) != wanted:
            raise InvalidFieldError(
                f"unit[{self.id}]",
                f"zone={self.zone_id}, circuit={self.circuit_id}",
                "a digital_heater has a zone, a digital_boiler a circuit, a server_rack neither",
            )

    def _check_quiet(self) -> None:
        for field in ("quiet_from", "quiet_to"):
            time, other = getattr(self, field), "quiet_to" if field == "quiet_from" else "quiet_from"
            if time and not _TIME_OF_DAY.fullmatch(time):
                raise InvalidFieldError(f"unit.{field}", time, 'a time of day such as "22:30", or left out')
            if time and not getattr(self, other):
                raise InvalidFieldError(f"unit.{field}", time, f"left out, or given together with {other}")
        if self.quiet_from and self.quiet_from == self.quiet_to:
            raise InvalidFieldError("unit.quiet_to", self.quiet_to, "another time than quiet_from")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One server inside a unit.

    Parameters
    ----------
    slots : instances that may run at once, 1 to 1024
    curve : electric power against load
    host_cores : share of this host's cores that a virtual node stands for; full load = all of it used
    memory_bytes : memory for its instances together
    cpu_model : name shown to users
    clock_ghz : full clock frequency, for GHz-weighted times [GHz]
    cores_per_slot : cores that an instance on it is told it has, 1 to 1024
    specification_key : key of its kind of machine, as hardware constraints name it; "" for the CPU model
    ssd : whether an instance's files lie on a solid-state disk
    gpu : model of the graphics card that an instance may use, "" for none
    meter : "curve" (power curve on CPU time, T4), or "rapl" where the node is this host itself (T3)
    """

    id: NodeId
    unit_id: UnitId
    curve: PowerCurve
    slots: int = 1
    host_cores: float = 0.1
    memory_bytes: int = 1 << 30
    cpu_model: str = "virtual"
    clock_ghz: float = 3.0
    cores_per_slot: int = 1
    specification_key: str = ""
    ssd: bool = False
    gpu: str = ""
    meter: str = "curve"

    def __post_init__(self) -> None:
        check_id("node.id", self.id)
        check_whole("node.slots", self.slots, 1, 1024)
        check_range("node.host_cores", self.host_cores, 0.005, 4096.0, "cores")
        check_whole("node.memory_bytes", self.memory_bytes, 1 << 20, 1 << 50)
        check_range("node.clock_ghz", self.clock_ghz, 0.1, 10.0, "GHz")
        check_text("node.cpu_model", self.cpu_model)
        check_whole("node.cores_per_slot", self.cores_per_slot, 1, 1024)
        if self.specification_key:
            check_text("node.specification_key", self.specification_key)
        if self.gpu:
            check_text("node.gpu", self.gpu)
        check_choice("node.meter", self.meter, ("curve", "rapl"))

    @property
    def specification(self) -> str:
        """Key of its kind of machine."""
        return self.specification_key or self.cpu_model


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCircuit:
    """Water between a boiler and a store, with the exchanger in it.

    Parameters
    ----------
    kind : "dhw", "pool", "space_heating" or "district_return"
    sink_id : the tank or swimming pool that it heats
    exchanger_ua_w_per_k : of the plate exchanger [W/K]
    flow_kg_s : nominal flow of the pump [kg/s]
    min_flow_kg_s : below this measured flow its boilers are switched off while they draw power; 0 for no check [kg/s]
    return_temp_max_c : most that the water going back may have, e.g. by contract with a heat network; checked where a
        return sensor is bound. The default is the hottest allowed, so no limit [°C]
    """

    id: CircuitId
    site_id: SiteId
    kind: str
    sink_id: SinkId
    exchanger_ua_w_per_k: float = 1500.0
    flow_kg_s: float = 0.1
    min_flow_kg_s: float = 0.0
    return_temp_max_c: float = 95.0

    def __post_init__(self) -> None:
        check_id("circuit.id", self.id)
        check_choice("circuit.kind", self.kind, ("dhw", "pool", "space_heating", "district_return"))
        check_range("circuit.exchanger_ua_w_per_k", self.exchanger_ua_w_per_k, 1.0, 1e7, "W/K")
        check_range("circuit.flow_kg_s", self.flow_kg_s, 0.001, 1000.0, "kg/s")
        check_range("circuit.min_flow_kg_s", self.min_flow_kg_s, 0.0, self.flow_kg_s, "kg/s")
        check_range("circuit.return_temp_max_c", self.return_temp_max_c, 15.0, 95.0, "°C")
