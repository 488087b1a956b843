"""What the address of a Modbus binding says."""

from __future__ import annotations

from dataclasses import replace

from ondol.drivers.profiles.profile import LAST_ADDRESS, TABLES, WORDS, Profile, Register
from ondol.drivers.units import UNITS, unit_of
from ondol.model.errors import InvalidFieldError
from ondol.model.points import PointKind

_ALLOWED = (
    "TABLE:NUMBER[:TYPE][:UNIT][:swap], e.g. holding:16:float32, with TABLE one of "
    + ", ".join(TABLES)
    + " and TYPE one of "
    + ", ".join(name for name in WORDS if name != "bool")
    + "; or, where the connection has a profile, NAME[/ENTITY][:UNIT][:swap]"
)


def parse_register(field: str, address: str, profile: Profile | None, word_order: str) -> Register:
    """Read an address as a register; its word order is settled: address before profile before connection.

    Parameters
    ----------
    field : where the address stands, for messages
    address : ``TABLE:NUMBER[:TYPE][:UNIT][:swap]`` or ``NAME[/ENTITY][:UNIT][:swap]``. NUMBER counts from 0, as it goes
        over the wire. UNIT is one of `UNITS`, the binding's scale and offset come after it. ``swap`` turns the word
        order around
    profile : of the connection, or None
    word_order : of the connection

    Raises
    ------
    InvalidFieldError : what it cannot mean
    """
    name, *rest = address.split(":")
    if name in TABLES:
        register, rest = _by_number(field, address, name, rest)
    elif profile is not None:
        plain, slash, entity = name.partition("/")
        if slash and not entity.isdecimal():
            raise InvalidFieldError(field, address, "NAME/ENTITY with a whole number for ENTITY")
        register = profile.register(field, plain, int(entity) if slash else 0)
    else:
        raise InvalidFieldError(field, address, _ALLOWED)
    order = register.word_order or (profile.word_order if profile is not None else "") or word_order
    for part in rest:
        if part == "swap":
            order = "little" if order == "big" else "big"
        elif part in UNITS or part.replace("3", "³") in UNITS:
            unit = unit_of(field, part)
            if register.unit.si and unit.si != register.unit.si:
                raise InvalidFieldError(field, address, f"a unit that is told in {register.unit.si}")
            register = replace(register, unit=unit)
        else:
            raise InvalidFieldError(field, address, _ALLOWED)
    return replace(register, word_order=order)


def _by_number(field: str, address: str, table: str, rest: list[str]) -> tuple[Register, list[str]]:
    if not rest or not rest[0].isdecimal() or int(rest[0]) > LAST_ADDRESS:
        raise InvalidFieldError(field, address, f"a number from 0 to {LAST_ADDRESS} after {table}:")
    number, rest = int(rest[0]), rest[1:]
    bits = table in ("coil", "discrete")
    kind = "bool" if bits else "uint16"
    if rest and rest[0] in WORDS and (rest[0] == "bool") == bits:
        kind, rest = rest[0], rest[1:]
    try:
        register = Register(
            name=f"{table}:{number}",
            table=table,
            number=number,
            type=kind,
            unit=UNITS[""],
            writable=table in ("holding", "coil"),
        )
    except InvalidFieldError as error:
        raise InvalidFieldError(field, address, error.allowed) from None
    return register, rest


def check_unit(field: str, register: Register, kind: PointKind) -> None:
    """Refuse a register whose unit cannot be the point's."""
    if register.unit.si and register.unit.si != kind.unit:
        raise InvalidFieldError(field, register.name, f"a register that is told in {kind.unit or 'nothing: 0 or 1'}")
