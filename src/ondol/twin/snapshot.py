"""A twin in the middle of its life as a file, so that a run that was cut short goes on to the very same end.

What changes while a twin lives is kept: every array, number and table of numbers of its parts but those in `FIXED`,
which its scenario makes anew. Taken and given back between two steps. Arrays go into an .npz, the policy's memory into
it as MessagePack; nothing in the file is code.
"""

from __future__ import annotations

import enum
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ondol.model.errors import InvalidFieldError
from ondol.storage.whole_files import replaced_by
from ondol.twin.fleet_twin import FleetTwin

Arrays = dict[str, npt.NDArray[Any]]

PARTS = ("attempts", "machines", "caches", "score", "plant", "readings", "forecast_errors")
FIXED = {
    "attempts": (
        *("count", "run_s", "service", "submitted_s", "deadline_s", "task", "resumable", "data"),
        *("capped", "speed_cap", "most_share"),
    ),
    "machines": ("dyn_w",),
}
"""Attributes of parts that never change, and are large."""

QUICKER = {"plant": ("_weather_step",)}
"""Those that only say what else a part has at hand, and are wrong without it: a fresh twin's are right."""

_encoder = msgspec.msgpack.Encoder(order="deterministic")


def save(path: Path, twin: FleetTwin, **beside: int) -> None:
    """Write a twin to a file, which is replaced at once.

    Parameters
    ----------
    beside : whole numbers that are kept with it
    """
    arrays = {f"twin.{name}": np.array(value) for name, value in twin.pointers().items()}
    arrays |= {f"beside.{name}": np.array(value, dtype=np.int64) for name, value in beside.items()}
    arrays["twin.memory"] = np.frombuffer(_encoder.encode(twin.memory), dtype=np.uint8)
    arrays |= {f"sinks.{name}": value for name, value in twin.plant.state().items()}
    for part in PARTS:
        arrays |= {f"{part}.{name}": value for name, value in _of_part(part, getattr(twin, part))}
    with replaced_by(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own parameters


def beside(path: Path) -> dict[str, int]:
    """Give what was kept beside the twin of a file; errors as of `load`."""
    with _told(path), path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        names = [name for name in file.files if name.startswith("beside.")]
        return {name.removeprefix("beside."): int(file[name]) for name in names}


def load(path: Path, twin: FleetTwin) -> None:
    """Bring a fresh twin of the same scenario and policy to where the file's stood.

    Raises
    ------
    InvalidFieldError : no such file, or one of another twin
    """
    with _told(path):
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        groups: dict[str, Arrays] = {}
        for name, value in arrays.items():
            group, _, rest = name.partition(".")
            groups.setdefault(group, {})[rest] = value
        pointers = groups["twin"]
        packed = pointers.pop("memory").tobytes()
        twin.memory = msgspec.msgpack.decode(packed, type=type(twin.policy.fresh()))
        for part in PARTS:
            _to_part(getattr(twin, part), groups[part])
        twin.plant.restore(groups["sinks"])
        twin.point({name: float(value) for name, value in pointers.items()})


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say of what does not fit what file it is."""
    try:
        yield
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, msgspec.DecodeError) as error:
        raise InvalidFieldError(
            str(path), str(error), "a snapshot of this very run, by this version; --fresh begins the run anew"
        ) from error


def kept(value: object) -> bool:
    """Whether an attribute of this value is among what is kept."""
    if isinstance(value, enum.Enum):
        return False
    if isinstance(value, np.ndarray | int | float):
        return True
    if isinstance(value, dict):
        return all(isinstance(key, int) and isinstance(one, np.ndarray) for key, one in value.items())
    return isinstance(value, list) and all(isinstance(one, dict) and _of_numbers(one) for one in value)


def _of_numbers(table: dict[Any, Any]) -> bool:
    return all(isinstance(key, int) and isinstance(one, int | float) for key, one in table.items())


def _of_part(name: str, part: object) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for field, value in sorted(vars(part).items()):
        if field in (*FIXED.get(name, ()), *QUICKER.get(name, ())) or not kept(value):
            continue
        if isinstance(value, dict):
            for key, one in value.items():
                yield f"{field}/{int(key)}", one
        elif isinstance(value, list):  # tables of numbers: one after the other, with their lengths
            pairs = [(key, one) for table in value for key, one in sorted(table.items())]
            yield f"{field}/lengths", np.array([len(table) for table in value], dtype=np.int64)
            yield f"{field}/keys", np.array([key for key, _ in pairs], dtype=np.int64)
            yield f"{field}/values", np.array([one for _, one in pairs], dtype=np.float64)
        else:
            yield field, np.asarray(value)


def _to_part(part: object, arrays: Arrays) -> None:
    """Give a part its attributes back; arrays in place where they fit, for who holds on to them."""
    for name, value in arrays.items():
        field, _, key = name.partition("/")
        now = vars(part)[field]
        if isinstance(now, dict):
            now[next(one for one in now if int(one) == int(key))] = value
        elif isinstance(now, list):
            if key == "lengths":
                _fill(now, value, arrays[f"{field}/keys"], arrays[f"{field}/values"])
        elif not isinstance(now, np.ndarray):
            setattr(part, field, type(now)(value))
        elif now.shape == value.shape and now.dtype == value.dtype and now.flags.writeable:
            now[...] = value
        else:
            setattr(part, field, value)


def _fill(
    tables: list[dict[int, float]],
    lengths: npt.NDArray[Any],
    keys: npt.NDArray[Any],
    values: npt.NDArray[Any],
) -> None:
    if len(lengths) != len(tables):
        raise ValueError(f"{len(lengths)} tables, {len(tables)} are there")
    end = 0
    for table, length in zip(tables, lengths.tolist(), strict=True):
        begin, end = end, end + length
        table.clear()
        table.update(zip(keys[begin:end].tolist(), values[begin:end].tolist(), strict=True))
