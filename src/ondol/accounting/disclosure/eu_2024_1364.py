"""The fields of Delegated Regulation (EU) 2024/1364, annexes II and III, from what an installation knows.

Applies from 500 kW of installed IT power on (article 1); below it the same table may be given voluntarily. What cannot
be known stays empty and says why. List and units: `reference/footprint.md` §1.2.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ondol.accounting.kpi_set import KpiSet
from ondol.accounting.scope_two import Contract, Instrument
from ondol.model.checks import check_range, check_text
from ondol.model.errors import InvalidFieldError

APPLIES_FROM_W = 500_000.0
"""Installed IT power from which operators report (Regulation (EU) 2024/1364, article 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EuField:
    """One field.

    Parameters
    ----------
    symbol, name, unit : as the regulation has them
    value : None where it is not known; `unknown` says why
    """

    annex: str
    symbol: str
    name: str
    unit: str
    value: float | str | None
    unknown: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EuReport:
    """The table for one data centre, which here is all sites of one legal entity or one of them.

    Parameters
    ----------
    applies : installed IT power is at least 500 kW
    annual : the window is one calendar year, as the regulation wants it
    """

    subject: str
    start: dt.datetime
    end: dt.datetime
    installed_it_w: float
    applies: bool
    annual: bool
    fields: tuple[EuField, ...]
    notes: tuple[str, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Symbols of the fields that are empty."""
        return tuple(one.symbol for one in self.fields if one.value is None)


_RANGES = {
    "floor_m2": (0.0, 1e7, "m²"),
    "computer_room_m2": (0.0, 1e7, "m²"),
    "battery_kw": (0.0, 1e7, "kW"),
    "potable_m3": (0.0, 1e9, "m³"),
    "waste_heat_c": (-50.0, 150.0, "°C"),
    "intake_c": (-50.0, 150.0, "°C"),
    "cooling_degree_days": (0.0, 2e4, "K·d"),
    "servers_capacity": (0.0, 1e15, ""),
    "storage_pb": (0.0, 1e9, "PB"),
}
"""Beyond these a number is a mistake; temperatures as of sensors everywhere here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What only an operator can say of a data centre; None where it was not said.

    Parameters
    ----------
    floor_m2, computer_room_m2 : S_DC, S_CR [m²]
    battery_kw : C_BtG, power of batteries offered to the grid [kW]
    potable_m3 : W_IN-POT [m³]
    waste_heat_c : T_WH, mean temperature of the heat at the hand-over [°C]
    intake_c : T_IN, mean set-point of the air at the IT's intake [°C]
    refrigerants : kinds used for cooling
    cooling_degree_days : CDD of the place in the year
    servers_capacity, storage_pb : C_SERV (by its benchmark), C_STOR [PB]

    Raises InvalidFieldError for what is no number, below zero, or cannot be: it goes to an authority.
    """

    floor_m2: float | None = None
    computer_room_m2: float | None = None
    battery_kw: float | None = None
    potable_m3: float | None = None
    waste_heat_c: float | None = None
    intake_c: float | None = None
    refrigerants: str | None = None
    cooling_degree_days: float | None = None
    servers_capacity: float | None = None
    storage_pb: float | None = None

    def __post_init__(self) -> None:
        for name, (low, high, unit) in _RANGES.items():
            value = getattr(self, name)
            if value is not None:
                check_range(name, value, low, high, unit)
        if self.refrigerants is not None:
            check_text("refrigerants", self.refrigerants)
        if self.floor_m2 is not None and self.computer_room_m2 is not None and self.computer_room_m2 > self.floor_m2:
            allowed = f"at most floor_m2, {self.floor_m2:g}: computer rooms are a part of the data centre"
            raise InvalidFieldError("computer_room_m2", self.computer_room_m2, allowed)


NOT_SAID = Premises()


def eu_report(
    figures: KpiSet,
    *,
    installed_it_w: float,
    contracts: Sequence[Contract] = (),
    premises: Premises = NOT_SAID,
) -> EuReport:
    """Fill the table.

    Parameters
    ----------
    figures : key figures of the window, of one boundary
    installed_it_w : rated power of the installed IT, ≥ 0 [W]
    contracts : GO and PPA that cover electricity of the window
    """
    check_range("installed_it_w", installed_it_w, 0.0, 1e12, "W")
    fields = (
        *_energy(figures, installed_it_w, premises),
        *_water_and_heat(figures, premises),
        *_renewable(figures, contracts),
        *_capacity(premises),
        *_indicators(figures),
    )
    year = figures.annual and _begins_a_year(figures.start)
    applies = installed_it_w >= APPLIES_FROM_W
    return EuReport(
        subject=figures.id,
        start=figures.start,
        end=figures.end,
        installed_it_w=installed_it_w,
        applies=applies,
        annual=year,
        fields=fields,
        notes=(
            "Installed IT power is 500 kW or more: reporting is mandatory (article 3)."
            if applies
            else "Installed IT power is below 500 kW: the regulation does not apply; this is a voluntary table.",
            *(() if year else ("Not a whole calendar year: not a report in the sense of annex I.",)),
            "The annexes' list was taken from public summaries; check it against the Official Journal before filing.",
            *figures.notes,
        ),
    )


def _begins_a_year(start: dt.datetime) -> bool:
    """Whether it is the first midnight of a year in some time zone of the world (UTC−12 to UTC+14)."""
    new_year = start.astimezone(dt.UTC) + dt.timedelta(hours=14)
    midnight = dt.datetime(new_year.year, 1, 1, tzinfo=dt.UTC)
    return dt.timedelta(0) <= new_year - midnight <= dt.timedelta(hours=26)


def _energy(figures: KpiSet, installed_it_w: float, premises: Premises) -> Iterable[EuField]:
    sums = figures.flows
    yield _field("P_DIT", "installed IT power demand", "kW", installed_it_w / 1000.0)
    yield _said("S_DC", "floor area of the data centre", "m²", premises.floor_m2)
    yield _said("S_CR", "floor area of computer rooms", "m²", premises.computer_room_m2)
    yield _field("E_DC", "total energy", "kWh", sums.e_dc_kwh, note=sums.e_dc_from)
    yield _said("E_DC-BG", "of that, backup generators", "kWh", sums.backup_kwh)
    yield _field("E_IT", "IT energy", "kWh", sums.e_it_kwh, note=f"category {figures.boundary.it_category}")
    yield _said("C_BtG", "battery capacity offered to the grid", "kW", premises.battery_kw)


def _water_and_heat(figures: KpiSet, premises: Premises) -> Iterable[EuField]:
    sums = figures.flows
    water_m3 = None if sums.water_l is None else sums.water_l / 1000.0
    yield _field("W_IN", "total water input", "m³", water_m3, sums.no_water)
    yield _said("W_IN-POT", "of that, potable", "m³", premises.potable_m3)
    erf = figures.kpi("erf")
    reuse_kwh = sums.reuse_kwh if erf.value is not None else None
    yield _field("E_REUSE", "waste heat reused outside the boundary", "kWh", reuse_kwh, erf.undefined)
    yield _said("T_WH", "mean temperature of the waste heat", "°C", premises.waste_heat_c)
    yield _said("T_IN", "mean set-point at the IT's air intake", "°C", premises.intake_c)
    yield EuField(
        annex="II.1",
        symbol="REFRIGERANTS",
        name="kinds of refrigerants",
        unit="",
        value=premises.refrigerants,
        unknown="" if premises.refrigerants is not None else "the operator did not say",
    )
    yield _said("CDD", "cooling degree days", "K·d", premises.cooling_degree_days)


def _renewable(figures: KpiSet, contracts: Sequence[Contract]) -> Iterable[EuField]:
    sums = figures.flows
    by: dict[Instrument, float | None] = {
        one: math.fsum(c.kwh for c in contracts if c.renewable and c.instrument is one)
        if any(c.renewable and c.instrument is one for c in contracts)
        else None
        for one in (Instrument.GOO, Instrument.PPA)
    }
    ref = figures.kpi("ref")
    total = None if ref.value is None else ref.value * sums.e_dc_kwh
    yield _field("E_RES-TOT", "renewable energy", "kWh", total, ref.undefined)
    for key, symbol, name, kwh in (
        ("ref_goo", "E_RES-GOO", "from guarantees of origin", by[Instrument.GOO]),
        ("ref_ppa", "E_RES-PPA", "from power purchase agreements", by[Instrument.PPA]),
        ("ref_on_site", "E_RES-OS", "made on site", sums.renewable_kwh),
    ):
        yield _field(symbol, name, "kWh", kwh, figures.kpi(key).undefined)


def _capacity(premises: Premises) -> Iterable[EuField]:
    yield _said("C_SERV", "ICT capacity of servers", "by its benchmark", premises.servers_capacity, annex="II.2")
    yield _said("C_STOR", "ICT capacity of storage", "PB", premises.storage_pb, annex="II.2")
    for symbol, name, unit in (
        ("B_IN", "incoming bandwidth", "GB/s"),
        ("B_OUT", "outgoing bandwidth", "GB/s"),
        ("T_IN-DATA", "incoming traffic", "EB"),
        ("T_OUT-DATA", "outgoing traffic", "EB"),
    ):
        yield EuField(annex="II.3", symbol=symbol, name=name, unit=unit, value=None, unknown="traffic is not metered")


def _indicators(figures: KpiSet) -> Iterable[EuField]:
    for key, symbol, name in (
        ("pue", "PUE", "E_DC / E_IT"),
        ("wue", "WUE", "W_IN / E_IT"),
        ("erf", "ERF", "E_REUSE / E_DC"),
        ("ref", "REF", "E_RES-TOT / E_DC"),
    ):
        one = figures.kpi(key)
        # W_IN in m³ by kWh would be a thousandth; the regulation's annex III and EN 50600-4-9 take litres.
        unit = "L/kWh" if key == "wue" else "1"
        yield EuField(annex="III", symbol=symbol, name=name, unit=unit, value=one.value, unknown=one.undefined)


def _field(
    symbol: str, name: str, unit: str, value: float | None, unknown: str = "", *, note: str = "", annex: str = "II.1"
) -> EuField:
    why = "" if value is not None else unknown or "not known"
    return EuField(annex=annex, symbol=symbol, name=name, unit=unit, value=value, unknown=why, note=note)


def _said(symbol: str, name: str, unit: str, value: float | None, *, annex: str = "II.1") -> EuField:
    return _field(symbol, name, unit, value, "the operator did not say", annex=annex)
