"""What a kind of machine is made of, as far as making it costs the environment; and what stands beside the machines."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ondol.model.checks import check_choice, check_id, check_range, check_text, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SiteId

CASES = ("rack", "none")
SECOND_LIVES = ("new", "cutoff", "remaining_life")
MOST_H = 262_980.0  # 30 years


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerParts:
    """The parts of one server.

    Parameters
    ----------
    cpu : model, as the registry has its die area; "" where `cpu_die_mm2` is given
    cpu_units : sockets in use, 1 to 16
    cpu_die_mm2 : area of all dies of one processor, 0 to take it from the registry by `cpu` [mm²]
    ram_modules, ram_module_gb : how many modules, and of which capacity [GB]
    ram_gb_per_cm2 : capacity by die area of those modules, 0 where it is not known [GB/cm²]
    ssd_units, ssd_gb, ssd_gb_per_cm2 : likewise for solid-state disks; 0 units for none
    hdd_units : hard disks
    gpu, gpu_units : graphics cards, whole; the model as the registry has it
    psu_units, psu_kg : power supplies and the mass of one; 0 units where a direct-current bus feeds it
    case : "rack", or "none" where the boards stand in a heater or boiler, which is equipment of the site
    """

    cpu: str = ""
    cpu_units: int = 1
    cpu_die_mm2: float = 0.0
    ram_modules: int = 0
    ram_module_gb: float = 0.0
    ram_gb_per_cm2: float = 0.0
    ssd_units: int = 0
    ssd_gb: float = 0.0
    ssd_gb_per_cm2: float = 0.0
    hdd_units: int = 0
    gpu: str = ""
    gpu_units: int = 0
    psu_units: int = 0
    psu_kg: float = 2.99
    case: str = "rack"

    def __post_init__(self) -> None:
        check_whole("hardware.cpu_units", self.cpu_units, 1, 16)
        check_range("hardware.cpu_die_mm2", self.cpu_die_mm2, 0.0, 20_000.0, "mm²")
        if bool(self.cpu) == bool(self.cpu_die_mm2):
            raise InvalidFieldError(
                "hardware.cpu", self.cpu, "the model of its processor, or cpu_die_mm2 in its place; one of them"
            )
        self._check_pair("ram_modules", self.ram_modules, "ram_module_gb", self.ram_module_gb)
        if not self.ram_modules:
            raise InvalidFieldError("hardware.ram_modules", self.ram_modules, "at least one memory module")
        self._check_pair("ssd_units", self.ssd_units, "ssd_gb", self.ssd_gb)
        check_range("hardware.ram_gb_per_cm2", self.ram_gb_per_cm2, 0.0, 100.0, "GB/cm²")
        check_range("hardware.ssd_gb_per_cm2", self.ssd_gb_per_cm2, 0.0, 2000.0, "GB/cm²")
        check_whole("hardware.hdd_units", self.hdd_units, 0, 256)
        check_whole("hardware.gpu_units", self.gpu_units, 0, 64)
        if bool(self.gpu) != bool(self.gpu_units):
            raise InvalidFieldError("hardware.gpu_units", self.gpu_units, "given together with gpu, or both left out")
        check_whole("hardware.psu_units", self.psu_units, 0, 16)
        check_range("hardware.psu_kg", self.psu_kg, 0.05, 50.0, "kg")
        check_choice("hardware.case", self.case, CASES)

    @staticmethod
    def _check_pair(units_field: str, units: int, size_field: str, size_gb: float) -> None:
        check_whole(f"hardware.{units_field}", units, 0, 256)
        check_range(f"hardware.{size_field}", size_gb, 0.0, 1e6, "GB")
        if bool(units) != bool(size_gb):
            raise InvalidFieldError(
                f"hardware.{size_field}", size_gb, f"above 0 together with {units_field}, or both 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware(ServerParts):
    """One kind of machine of a fleet: its parts, or a named archetype in their place; and how long it serves.

    Parameters
    ----------
    specification : which nodes it is about: their specification key, or CPU model where they have none
    archetype : name of an archetype of the registry, e.g. "dell-r740", in place of all parts; "" for parts
    lifetime_h : how long it serves here, which its making is spread over [h]; there is no default
    in_service_since : since when it serves here: `lifetime_h` after that its making is written off and counts 0. None
        where nobody said: then it counts on at the same rate
    second_life : "new"; "cutoff": it was written off by its first owner, its making counts 0 here; or
        "remaining_life": its making is spread over both lives evenly
    first_life_h : how long it served before; only with "remaining_life" [h]
    boavizta : whether BoaviztAPI is asked about the parts, where `[accounting] boavizta_url` names one
    """

    specification: str
    lifetime_h: float
    archetype: str = ""
    in_service_since: dt.datetime | None = None
    second_life: str = "new"
    first_life_h: float = 0.0
    boavizta: bool = False

    def __post_init__(self) -> None:
        check_text("hardware.specification", self.specification)
        check_range("hardware.lifetime_h", self.lifetime_h, 1.0, MOST_H, "h")
        since = self.in_service_since
        if since is not None and (since.tzinfo is None or not 1990 <= since.year <= 2100):
            raise InvalidFieldError("hardware.in_service_since", str(since), "a time with its zone, from 1990 to 2100")
        check_choice("hardware.second_life", self.second_life, SECOND_LIVES)
        check_range("hardware.first_life_h", self.first_life_h, 0.0, MOST_H, "h")
        if (self.second_life == "remaining_life") != (self.first_life_h > 0.0):
            raise InvalidFieldError(
                "hardware.first_life_h",
                self.first_life_h,
                'above 0 with second_life = "remaining_life", and left out otherwise: the rules are never mixed',
            )
        if self.archetype:
            check_id("hardware.archetype", self.archetype)
            if self.has_parts or self.boavizta:
                raise InvalidFieldError(
                    "hardware.archetype", self.archetype, "left out where parts are given: one of the two"
                )
        else:
            self._check_boavizta()
            # not `super()`: slots=True makes a new class, which the closure of super() does not know
            ServerParts.__post_init__(self)

    def _check_boavizta(self) -> None:
        """BoaviztAPI fills in what is not named, a case, power supplies, disks: it gets whole servers only."""
        whole = self.case == "rack" and self.psu_units and (self.ssd_units or self.hdd_units)
        if self.boavizta and not whole:
            raise InvalidFieldError(
                "hardware.boavizta",
                True,
                "false, unless there is a rack case, a power supply and a disk: it adds its own",
            )

    @property
    def written_off_at(self) -> dt.datetime | None:
        """When its life here is over, and its making all counted; None where nobody said since when it serves."""
        since = self.in_service_since
        return None if since is None else since + dt.timedelta(hours=self.lifetime_h)

    @property
    def has_parts(self) -> bool:
        """Whether any part is named."""
        return bool(self.cpu or self.cpu_die_mm2 or self.ram_modules or self.ssd_units or self.hdd_units or self.gpu)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatEquipment:
    """Hardware of the heat side of a site, whose making counts: an exchanger, a tank, a boiler.

    Parameters
    ----------
    factor : first part of the ids of its rows in the registry, e.g. "equipment-gas-boiler"; criteria follow it
    amount : in the unit that those rows are per: kW, piece, kg … above 0
    lifetime_h : which its making is spread over [h]
    """

    id: str
    site_id: SiteId
    factor: str
    amount: float
    lifetime_h: float

    def __post_init__(self) -> None:
        check_id("equipment.id", self.id)
        check_id("equipment.factor", self.factor)
        check_range("equipment.amount", self.amount, 1e-6, 1e6)
        check_range("equipment.lifetime_h", self.lifetime_h, 1.0, 2 * MOST_H, "h")
