"""A product's Modbus registers, by name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ondol.drivers.units import DeviceUnit
from ondol.model.checks import check_choice, check_whole
from ondol.model.errors import InvalidFieldError

WORDS = {
    "int16": 1,
    "uint16": 1,
    "int32": 2,
    "uint32": 2,
    "float32": 2,
    "int64": 4,
    "uint64": 4,
    "float64": 4,
    "bool": 1,
}
"""Type → number of 16-bit registers. `bool` is a coil or a discrete input."""

TABLES = ("holding", "input", "coil", "discrete")
"""The four tables of Modbus (Modbus Application Protocol V1.1b3, §4.3)."""

LAST_ADDRESS = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One value of a device.

    Parameters
    ----------
    name : in the profile; "" for one addressed by number
    table : one of `TABLES`
    number : of its first register or bit, from 0, as it goes over the wire; manuals that count from 1, or write 40001,
        are one (or 40001) higher
    type : a key of `WORDS`
    unit : of the value after scaling
    scale : value in `unit` per count of the register
    word_order : "big" or "little"; "" for the profile's or the connection's
    not_available : raw values with which the device says that it has none; NaN always says so
    writable : it takes values
    point : the point that it usually is, for people and for `ondol site profiles`
    text : what the manual says of it
    """

    name: str = ""
    table: str
    number: int
    type: str
    unit: DeviceUnit
    scale: float = 1.0
    word_order: str = ""
    not_available: tuple[float, ...] = ()
    writable: bool = False
    point: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        where = f"register {self.name}".rstrip()
        check_choice(f"{where}.table", self.table, TABLES)
        check_whole(f"{where}.address", self.number, 0, LAST_ADDRESS)
        check_choice(f"{where}.type", self.type, tuple(WORDS))
        if (self.table in ("coil", "discrete")) != (self.type == "bool"):
            raise InvalidFieldError(f"{where}.type", self.type, "bool for coil and discrete, and only for these")
        if self.last > LAST_ADDRESS:
            raise InvalidFieldError(f"{where}.address", self.number, f"so low that it ends at {LAST_ADDRESS}")
        if self.writable and self.table in ("input", "discrete"):
            raise InvalidFieldError(f"{where}.writable", True, "false: inputs can only be read")
        if self.scale == 0:
            raise InvalidFieldError(f"{where}.scale", self.scale, "a number that is not 0")

    @property
    def words(self) -> int:
        """How many registers, or bits, it takes."""
        return WORDS[self.type]

    @property
    def last(self) -> int:
        """Number of its last register."""
        return self.number + self.words - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The registers of one product.

    Parameters
    ----------
    source : manual, page, address and date that the map comes from
    tried : on which device and firmware, by whom, when; says so where it was not
    word_order : "big", "little", or "" where it is set at the device, so that the connection says it
    block : distance between the same registers of entity n and n + 1; 0 where a device is one entity
    falls_back : what the device does by itself when nobody writes any more; "" where nothing is written
    notes : what to check at the device
    """

    name: str
    title: str
    source: str
    tried: str
    word_order: str = ""
    block: int = 0
    falls_back: str = ""
    notes: str = ""
    registers: dict[str, Register]

    def register(self, field: str, name: str, number: int = 0) -> Register:
        """Give a register by its name, of entity `number` where the profile has blocks.

        Raises
        ------
        InvalidFieldError : no such register or entity
        """
        found = self.registers.get(name)
        if found is None:
            raise InvalidFieldError(field, name, f"a name of profile {self.name}: " + ", ".join(self.registers))
        if number == 0:
            return found
        if self.block == 0:
            raise InvalidFieldError(field, f"{name}/{number}", f"a name alone: profile {self.name} has one entity")
        last = (LAST_ADDRESS - found.last) // self.block
        check_whole(f"{field} {name}/", number, 0, last)
        return replace(found, number=found.number + number * self.block)
