"""A sweep that may be stopped at any moment and goes on later: ``python3 harvest.py sweep.json``.

The question: which traits of a flat decide how much compute a digital heater in it can host over a winter week? The
answer is a global sensitivity analysis: the flat is simulated for many drawn sets of traits, and the variance of each
outcome is shared out among the traits (Sobol indices).

Travels to a node as one file: needs Python ≥ 3.11 and numpy. The work is cut into chunks. After each chunk its figures
are added to ``harvest_<instance>.json`` in ONDOL_CHECKPOINT_DIR (the working directory without it); a later attempt
begins after the last finished chunk. A chunk depends on the seed, INSTANCE_ID and its number only, so the result is the
same, bit for bit, however often the work was stopped. At the end ``result_<instance>.json`` appears in
QARNOT_RESULTS_DIRECTORY.
Exit codes: 0 done, 2 the sweep or the environment is not usable (the message names the key), 3 a file could not be
written, 143 stopped by SIGTERM with every finished chunk saved.

Methods: sampling and first-order estimator of Saltelli et al. (2010), Comput. Phys. Commun. 181, 259–270; total index
of Jansen (1999); two-node form of the hourly flat model of ISO 13790:2008 (annex C), stepped by backward Euler.
"""

from __future__ import annotations

import os
import signal
import sys

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # a slot is one core
    os.environ[_name] = "1"


class Stop:
    """Remembers that SIGTERM came; the work looks at it between time steps."""

    asked = False

    @classmethod
    def ask(cls, *_signal_and_frame: object) -> None:
        """Signal handler: only notes the wish, so that no file is left half written."""
        cls.asked = True


if __name__ == "__main__":  # before numpy: on a throttled slot its import takes seconds, and a stop may come then
    signal.signal(signal.SIGTERM, Stop.ask)

import hashlib  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402

Floats = npt.NDArray[np.float64]
STEP_S = 900.0
STEPS_PER_HOUR = 4
WARM_UP_H = 24
STOPPED = 143
OUTCOMES = ("heat_kwh", "full_load_hours", "cold_kelvin_hours")
TRAITS = {  # allowed limits of each trait of the flat
    "wall_u_w_m2k": (0.05, 5.0),
    "window_u_w_m2k": (0.5, 6.0),
    "window_g": (0.05, 0.95),
    "air_change_per_h": (0.05, 5.0),
    "mass_kj_m2k": (50.0, 600.0),
    "set_point_c": (10.0, 26.0),
    "night_setback_k": (0.0, 10.0),
    "gains_w_m2": (0.0, 30.0),
    "heater_power_w": (50.0, 10_000.0),
}
FLAT = {
    "floor_area_m2": (5.0, 1000.0),
    "facade_area_m2": (1.0, 2000.0),
    "window_area_m2": (0.0, 500.0),
    "height_m": (2.0, 6.0),
}


class SweepError(Exception):
    """The sweep cannot be run; the message names the key, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What to run: chunks of ``samples`` base draws, the flat's fixed sizes, ranges of traits, hourly weather."""

    seed: int
    chunks: int
    samples: int
    flat: dict[str, float]
    traits: dict[str, tuple[float, float]]
    outdoor_c: Floats
    sun_w_m2: Floats


class Interrupted(Exception):  # noqa: N818  (not an error: the platform asked)
    """The running chunk was given up because the platform asked to stop."""


def read_sweep(text: str) -> Sweep:
    """Sweep from the text of sweep.json.

    Raises SweepError naming the key that is missing, unknown or out of range.
    """
    try:
        top = json.loads(text)
    except json.JSONDecodeError as error:
        raise SweepError(f"sweep is not valid JSON: {error}") from None
    _known("sweep", top, ("seed", "chunks", "samples", "flat", "traits", "weather"))
    flat, traits, weather = top.get("flat"), top.get("traits"), top.get("weather")
    _known("flat", flat, tuple(FLAT))
    _known("traits", traits, tuple(TRAITS))
    _known("weather", weather, ("outdoor_c", "sun_w_m2"))
    outdoor = _series("weather.outdoor_c", weather.get("outdoor_c"), -60, 60)
    sun = _series("weather.sun_w_m2", weather.get("sun_w_m2"), 0, 1400)
    if outdoor.size != sun.size:
        raise SweepError(f"weather.sun_w_m2 has {sun.size} hours, not the {outdoor.size} of weather.outdoor_c")
    return Sweep(
        seed=_whole("seed", top.get("seed"), 0, 2**31),
        chunks=_whole("chunks", top.get("chunks"), 1, 10_000),
        samples=_whole("samples", top.get("samples"), 2, 1_000_000),
        flat={key: _number(f"flat.{key}", flat.get(key), *span) for key, span in FLAT.items()},
        traits={key: _span(f"traits.{key}", traits.get(key), *span) for key, span in TRAITS.items()},
        outdoor_c=outdoor,
        sun_w_m2=sun,
    )


def _known(path: str, values: Any, known: tuple[str, ...]) -> None:
    if not isinstance(values, dict):
        raise SweepError(f"{path} = {values!r} is not allowed: an object with the keys {', '.join(known)}")
    for key in values:
        if key not in known:
            raise SweepError(f"{path}.{key} is not a key of the sweep: known here are {', '.join(known)}")


def _number(name: str, value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise SweepError(f"{name} = {value!r} is not allowed: a number from {low:g} to {high:g}")
    return float(value)


def _whole(name: str, value: object, low: int, high: int) -> int:
    if not isinstance(value, int):
        raise SweepError(f"{name} = {value!r} is not allowed: a whole number from {low} to {high}")
    return int(_number(name, value, low, high))


def _span(name: str, value: object, low: float, high: float) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise SweepError(f"{name} = {value!r} is not allowed: a list of two numbers, low and high")
    first = _number(f"{name}[0]", value[0], low, high)
    return first, _number(f"{name}[1]", value[1], first, high)


def _series(name: str, value: object, low: float, high: float) -> Floats:
    if not isinstance(value, list) or len(value) < WARM_UP_H:
        raise SweepError(f"{name} is not allowed: a list of at least {WARM_UP_H} hourly numbers")
    return np.array([_number(f"{name}[{i}]", v, low, high) for i, v in enumerate(value)])


def simulate(sweep: Sweep, traits: Floats, stop: Callable[[], bool] = lambda: False) -> Floats:
    """Outcomes (3, n) of the week for n sets of traits (traits × n, in the order of TRAITS).

    Two nodes, air with furniture (a) and building mass (m), per ISO 13790:2008 §7.2.2 and §12.3.1:
    C_a dT_a/dt = H_am (T_m - T_a) + H_a (T_o - T_a) + ½ gains + heat,
    C_m dT_m/dt = H_am (T_a - T_m) + H_m (T_o - T_m) + ½ gains + sun.
    The heater gives just what holds the set-point, at most its power. The first day runs once before counting.
    Raises Interrupted when ``stop()`` becomes true.
    """
    wall_u, window_u, window_g, air_change, mass, set_point, setback, gains, power = traits
    floor = sweep.flat["floor_area_m2"]
    window = sweep.flat["window_area_m2"]
    coupling = 3.45 * 4.5 * floor  # W/K: h_is of 3.45 W/(m²K) over 4.5 m² of surface per m² of floor
    light = 0.34 * air_change * sweep.flat["height_m"] * floor + window_u * window
    heavy = wall_u * sweep.flat["facade_area_m2"]
    air_j, mass_j = 15e3 * floor / STEP_S, 1e3 * mass * floor / STEP_S
    a11, a22 = air_j + coupling + light, mass_j + coupling + heavy
    scale = 1 / (a11 * a22 - coupling * coupling)
    own, cross, deep = a22 * scale, coupling * scale, a11 * scale
    inner = 0.5 * gains * floor
    air, body = set_point.copy(), set_point - 1.0
    heat, cold = np.zeros_like(air), np.zeros_like(air)
    hours = [*range(WARM_UP_H), *range(sweep.outdoor_c.size)]
    for turn, hour in enumerate(hours):
        outdoor = sweep.outdoor_c[hour]
        to_air = inner + light * outdoor
        to_body = inner + heavy * outdoor + window_g * (window * sweep.sun_w_m2[hour])
        wanted = set_point - setback if hour % 24 < 6 or hour % 24 >= 22 else set_point
        for _ in range(STEPS_PER_HOUR):
            if stop():
                raise Interrupted
            b1, b2 = air_j * air + to_air, mass_j * body + to_body
            free = own * b1 + cross * b2
            given = np.clip((wanted - free) / own, 0, power)
            air, body = free + own * given, cross * (b1 + given) + deep * b2
            if turn >= WARM_UP_H:
                heat += given
                cold += np.maximum(wanted - air, 0)
    heat_kwh = heat * (STEP_S / 3.6e6)
    return np.stack([heat_kwh, heat_kwh * 1e3 / power, cold * (STEP_S / 3600)])


def draws(rng: np.random.Generator, samples: int, traits: int) -> Floats:
    """Saltelli's matrices as unit draws (traits, (traits + 2) · samples): A, B, then A with column i taken from B."""
    strata = rng.permuted(np.tile(np.arange(samples), (2 * traits, 1)), axis=1)
    both = (strata + rng.random((2 * traits, samples))) / samples
    a, b = both[:traits], both[traits:]
    blocks = [a, b]
    for i in range(traits):
        mixed = a.copy()
        mixed[i] = b[i]
        blocks.append(mixed)
    return np.concatenate(blocks, axis=1)


def indices(outcome: Floats, traits: int) -> list[float]:
    """Mean, variance, then first-order and total index of every trait, from outcomes in the order of ``draws``.

    An outcome that does not vary has indices of zero.
    """
    a, b, *mixed = outcome.reshape(traits + 2, -1)
    both = np.concatenate([a, b])
    mean, variance = float(both.mean()), float(both.var())
    if variance <= 0:
        return [mean, variance] + [0.0] * (2 * traits)
    first = [float(np.mean((b - mean) * (m - a))) / variance for m in mixed]
    total = [float(np.mean((a - m) ** 2)) / (2 * variance) for m in mixed]
    return [mean, variance, *first, *total]


def run_chunk(sweep: Sweep, instance: int, number: int, stop: Callable[[], bool]) -> list[list[float]]:
    """Figures of one chunk, one row per outcome; depends on nothing but the sweep, the instance and its number."""
    rng = np.random.default_rng(np.random.SeedSequence(sweep.seed, spawn_key=(instance, number)))
    unit = draws(rng, sweep.samples, len(TRAITS))
    low = np.array([sweep.traits[key][0] for key in TRAITS])[:, None]
    high = np.array([sweep.traits[key][1] for key in TRAITS])[:, None]
    outcomes = simulate(sweep, low + (high - low) * unit, stop)
    return [indices(outcome, len(TRAITS)) for outcome in outcomes]


def load_chunks(path: Path, fingerprint: str) -> list[list[list[float]]]:
    """Chunks finished by earlier attempts; none if there is no checkpoint, or one that belongs to another sweep."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        print(f"checkpoint {path.name} cannot be read, starting anew: {error}", flush=True)
        return []
    if not isinstance(saved, dict) or saved.get("fingerprint") != fingerprint:
        print(f"checkpoint {path.name} belongs to another sweep, starting anew", flush=True)
        return []
    chunks: list[list[list[float]]] = saved["chunks"]
    return chunks


def write_whole(path: Path, content: dict[str, Any]) -> None:
    """Write JSON so that a reader, or an attempt after a crash, sees the old file or the new one, never a part."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def summary(sweep: Sweep, instance: int, chunks: list[list[list[float]]]) -> dict[str, Any]:
    """The result: by outcome and trait, mean and standard error over chunks; and every chunk's figures, for merging."""
    outcomes = {}
    for o, outcome in enumerate(OUTCOMES):
        columns = list(zip(*(chunk[o] for chunk in chunks), strict=True))
        figures = [_mean_and_error(column) for column in columns]
        count = len(TRAITS)
        outcomes[outcome] = {
            "mean": figures[0],
            "variance": figures[1],
            "first_order": dict(zip(TRAITS, figures[2 : 2 + count], strict=True)),
            "total": dict(zip(TRAITS, figures[2 + count :], strict=True)),
        }
    simulations = len(chunks) * sweep.samples * (len(TRAITS) + 2)
    return {
        "instance": instance,
        "seed": sweep.seed,
        "simulations": simulations,
        "traits": list(TRAITS),
        "outcomes": outcomes,
        "chunks": chunks,
    }


def _mean_and_error(values: tuple[float, ...]) -> list[float | None]:
    """Mean, and its standard error (None for a single value)."""
    n = len(values)
    mean = math.fsum(values) / n
    if n < 2:
        return [mean, None]
    return [mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n)]


def harvest(sweep: Sweep, instance: int, fingerprint: str, checkpoint: Path, target: Path) -> int:
    """Run what is left of the chunks, saving each; returns the exit code."""
    chunks = load_chunks(checkpoint, fingerprint)
    print(f"begins at chunk {len(chunks)} of {sweep.chunks}", flush=True)
    while len(chunks) < sweep.chunks:
        try:
            figures = run_chunk(sweep, instance, len(chunks), lambda: Stop.asked)
        except Interrupted:
            print(f"stopped with {len(chunks)} of {sweep.chunks} chunks saved", flush=True)
            return STOPPED
        chunks.append(figures)
        write_whole(checkpoint, {"fingerprint": fingerprint, "chunks": chunks})
        print(f"chunk {len(chunks) - 1} done", flush=True)
        print(f"progress {100 * len(chunks) // sweep.chunks} %", flush=True)
    write_whole(target, summary(sweep, instance, chunks))
    print(f"wrote {target.name}", flush=True)
    return 0


def asked_work(arguments: list[str]) -> tuple[int, str]:
    """Instance, and the text of the sweep, that the environment and the command line name."""
    if len(arguments) != 1:
        raise SweepError("usage: python3 harvest.py sweep.json")
    number = os.environ.get("INSTANCE_ID", "0")
    if not number.isascii() or not number.isdigit():
        raise SweepError(f"INSTANCE_ID = {number!r} is not allowed: a whole number from 0")
    try:
        return int(number), Path(arguments[0]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SweepError(f"{arguments[0]} cannot be read: {error}") from None


def main(arguments: list[str]) -> int:
    """Run or continue the sweep for the instance that the environment names; returns the exit code."""
    try:
        instance, text = asked_work(arguments)
        sweep = read_sweep(text)
    except SweepError as error:
        print(f"harvest: {error}", file=sys.stderr)
        return 2
    fingerprint = hashlib.sha256(f"{instance}\n{text}".encode()).hexdigest()
    checkpoint = Path(os.environ.get("ONDOL_CHECKPOINT_DIR", ".")) / f"harvest_{instance}.json"
    target = Path(os.environ.get("QARNOT_RESULTS_DIRECTORY", ".")) / f"result_{instance}.json"
    try:
        return harvest(sweep, instance, fingerprint, checkpoint, target)
    except OSError as error:
        print(f"harvest: {error.filename or 'a file'} cannot be written: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
