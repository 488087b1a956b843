"""Profiles from their YAML files, checked key by key."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml

from ondol.drivers.profiles.profile import TABLES, WORDS, Profile, Register
from ondol.drivers.units import unit_of
from ondol.model.checks import check_choice, check_range, check_text
from ondol.model.errors import InvalidFieldError
from ondol.model.points import POINTS

_FOLDER = Path(__file__).parent
_NEEDED = ("title", "source", "tried", "registers")
_TEXTS = ("title", "source", "tried", "falls_back", "notes")
_KEYS = (*_NEEDED, "word_order", "block", "falls_back", "notes")
_REGISTER_KEYS = (
    "table",
    "address",
    "type",
    "unit",
    "scale",
    "word_order",
    "not_available",
    "writable",
    "point",
    "text",
)


def profile_names() -> tuple[str, ...]:
    """Names of the profiles that come with Ondol, in order."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


@functools.cache
def load_profile(name: str) -> Profile:
    """Load a profile.

    Parameters
    ----------
    name : one of `profile_names()`, or the path of a file of your own, ending in ``.yaml``

    Raises
    ------
    InvalidFieldError : no such profile, or a mistake in its file: names the file, the key and what is allowed
    """
    if name.endswith(".yaml"):
        path = Path(name)
    elif name in profile_names():
        path = _FOLDER / f"{name}.yaml"
    else:
        known = ", ".join(profile_names())
        raise InvalidFieldError("connection.profile", name, f"one of {known}, or the path of a .yaml file of your own")
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFieldError("connection.profile", name, f"a file that can be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidFieldError(path.name, str(error), "a YAML file") from None
    return _profile(path, read)


def _profile(path: Path, read: Any) -> Profile:
    where = path.name
    if not isinstance(read, dict):
        raise InvalidFieldError(where, read, "a mapping with the keys " + ", ".join(_KEYS))
    _check_keys(where, read, _KEYS, _NEEDED)
    for key in _TEXTS:
        if key in read:
            check_text(f"{where}: {key}", read[key], 4000)
    word_order = read.get("word_order", "")
    check_choice(f"{where}: word_order", word_order, ("big", "little", ""))
    block = read.get("block", 0)
    check_range(f"{where}: block", block, 0, 65_535)
    if not isinstance(read["registers"], dict) or not read["registers"]:
        raise InvalidFieldError(f"{where}: registers", read["registers"], "a mapping from names to registers")
    return Profile(
        name=path.stem,
        title=read["title"],
        source=read["source"],
        tried=read["tried"],
        word_order=word_order,
        block=int(block),
        falls_back=read.get("falls_back", ""),
        notes=read.get("notes", ""),
        registers={name: _register(where, name, entry) for name, entry in read["registers"].items()},
    )


def _check_keys(where: str, read: dict[str, Any], allowed: tuple[str, ...], needed: tuple[str, ...]) -> None:
    for key in read:
        check_choice(f"{where}: key", key, allowed)
    for key in needed:
        if key not in read:
            raise InvalidFieldError(f"{where}: {key}", None, "a value: the key is missing")


def _register(file: str, name: Any, read: Any) -> Register:
    where = f"{file}: registers.{name}"
    if not isinstance(name, str) or not name.replace("_", "").isalnum() or name in TABLES:
        raise InvalidFieldError(f"{file}: registers", name, "a name of letters, digits and _, not that of a table")
    if not isinstance(read, dict):
        raise InvalidFieldError(where, read, "a mapping with the keys " + ", ".join(_REGISTER_KEYS))
    table = read.get("table", "")
    bits = table in ("coil", "discrete")
    _check_keys(where, read, _REGISTER_KEYS, ("table", "address") if bits else ("table", "address", "type", "unit"))
    check_choice(f"{where}.table", table, TABLES)
    kind = read.get("type", "bool" if bits else "")
    check_choice(f"{where}.type", kind, tuple(WORDS))
    scale = read.get("scale", 1.0)
    check_range(f"{where}.scale", scale, -1e15, 1e15)
    check_choice(f"{where}.word_order", read.get("word_order", ""), ("big", "little", ""))
    unit = unit_of(f"{where}.unit", read.get("unit", ""))
    point = read.get("point", "")
    if point:
        check_choice(f"{where}.point", point, tuple(POINTS))
        if unit.si and unit.si != POINTS[point].unit:
            raise InvalidFieldError(f"{where}.unit", read["unit"], f"a unit that is told in {POINTS[point].unit}")
    codes = read.get("not_available", [])
    for code in codes if isinstance(codes, list) else [codes]:
        check_range(f"{where}.not_available", code, -2e19, 2e19)
    writable = read.get("writable", False)
    if not isinstance(writable, bool):
        raise InvalidFieldError(f"{where}.writable", writable, "true or false")
    try:
        return Register(
            name=name,
            table=table,
            number=read["address"],
            type=kind,
            unit=unit,
            scale=float(scale),
            word_order=read.get("word_order", ""),
            not_available=tuple(codes if isinstance(codes, list) else [codes]),
            writable=writable,
            point=point,
            text=str(read.get("text", "")),
        )
    except InvalidFieldError as error:
        raise InvalidFieldError(f"{file}: {error.field}", error.value, error.allowed) from None
