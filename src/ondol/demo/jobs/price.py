"""Prices a few options by Monte Carlo: ``python3 price.py portfolio.json``.

Travels to a node as one file: needs Python ≥ 3.11 and numpy. Every instance draws its own random numbers (seed,
INSTANCE_ID, place in the portfolio), so that instances may be averaged; writes ``prices_<instance>.json`` into
QARNOT_RESULTS_DIRECTORY with value, standard error and number of paths of each option, and its closed form where there
is one. Exit codes: 0 done, 2 the portfolio or the environment is not usable (the message names the key), 3 the result
could not be written.

Model: geometric Brownian motion, constant rate and volatility. Every sample is the mean of an antithetic pair. Kinds:

- ``call``, ``put``: European; closed form of Black & Scholes (1973).
- ``asian_call``: on the arithmetic mean over equal dates; the geometric one is the control (Kemna & Vorst 1990).
- ``up_out_call``: dies when the price ever touches the barrier; the chance to touch it between two dates is taken from
  the Brownian bridge (Glasserman 2003, §6.4), so that it agrees with the closed form (Reiner & Rubinstein 1991).
- ``basket_call``: on the weighted sum of several correlated prices; the geometric basket is the control variate.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Any

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # a slot is one core
    os.environ[_name] = "1"

import numpy as np  # noqa: E402  (the thread count is read at import)
import numpy.typing as npt  # noqa: E402

Floats = npt.NDArray[np.float64]
_phi = NormalDist().cdf
BATCH = 8192  # pairs at a time: keeps the paths of one batch in a few megabytes


class PortfolioError(Exception):
    """The portfolio cannot be priced; the message names the key, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option: prices in currency units, ``rate`` and ``volatility`` per year, ``years`` to expiry."""

    name: str
    kind: str
    spot: float
    strike: float
    rate: float
    volatility: float
    years: float
    dates: int = 1
    barrier: float = math.inf
    weights: Floats = field(default_factory=lambda: np.ones(1))
    volatilities: Floats = field(default_factory=lambda: np.ones(1))
    correlation: float = 0.0


def black_scholes(spot: float, strike: float, rate: float, volatility: float, years: float, *, call: bool) -> float:
    """Value of a European option, Black & Scholes (1973)."""
    spread = volatility * math.sqrt(years)
    d1 = (math.log(spot / strike) + (rate + 0.5 * volatility**2) * years) / spread
    value = spot * _phi(d1) - strike * math.exp(-rate * years) * _phi(d1 - spread)
    return value if call else value - spot + strike * math.exp(-rate * years)


def lognormal_call(mean_log: float, std_log: float, strike: float, rate: float, years: float) -> float:
    """Value of a call on exp(N(mean_log, std_log²)) at expiry: the closed form of both control variates."""
    d2 = (mean_log - math.log(strike)) / std_log
    forward = math.exp(mean_log + 0.5 * std_log**2)
    return math.exp(-rate * years) * (forward * _phi(d2 + std_log) - strike * _phi(d2))


def up_out_call(option: Option) -> float:
    """Value of a continuously watched up-and-out call with the barrier above the strike (Reiner & Rubinstein 1991)."""
    s, k, h, r, v, t = option.spot, option.strike, option.barrier, option.rate, option.volatility, option.years
    root = v * math.sqrt(t)
    lam = r / v**2 + 0.5

    def d(x: float) -> float:
        return math.log(x) / root + lam * root

    def piece(sign: int, x: float, image: bool) -> float:
        scale_s, scale_k = ((h / s) ** (2 * lam), (h / s) ** (2 * lam - 2)) if image else (1.0, 1.0)
        return s * scale_s * _phi(sign * d(x)) - k * math.exp(-r * t) * scale_k * _phi(sign * (d(x) - root))

    plain, above = piece(1, s / k, False), piece(1, s / h, False)
    return plain - above + piece(-1, h * h / (s * k), True) - piece(-1, h / s, True)


def closed_form(option: Option) -> float | None:
    """Exact value of the option, None where there is none."""
    if option.kind in ("call", "put"):
        return black_scholes(
            option.spot, option.strike, option.rate, option.volatility, option.years, call=option.kind == "call"
        )
    return up_out_call(option) if option.kind == "up_out_call" else None


def _european(option: Option, normal: Floats) -> tuple[Floats, Floats | None]:
    end = _steps(option, normal)[-1]
    gain = end - option.strike if option.kind == "call" else option.strike - end
    return np.maximum(gain, 0), None


def _steps(option: Option, normal: Floats) -> Floats:
    """Prices at each date, shape (dates, paths), from standard normals of that shape."""
    dt = option.years / option.dates
    drift = (option.rate - 0.5 * option.volatility**2) * dt
    logs = np.cumsum(drift + option.volatility * math.sqrt(dt) * normal, axis=0)
    return np.asarray(option.spot * np.exp(logs))


def _asian(option: Option, normal: Floats) -> tuple[Floats, Floats | None]:
    prices = _steps(option, normal)
    geometric = np.exp(np.log(prices).mean(axis=0))
    return np.maximum(prices.mean(axis=0) - option.strike, 0), np.maximum(geometric - option.strike, 0)


def _barrier(option: Option, normal: Floats) -> tuple[Floats, Floats | None]:
    prices = _steps(option, normal)
    gap = np.log(option.barrier / np.vstack([np.full(prices.shape[1], option.spot), prices]))
    gap = np.maximum(gap, 0)
    variance = option.volatility**2 * option.years / option.dates
    alive = np.prod(-np.expm1(-2 * gap[:-1] * gap[1:] / variance), axis=0)
    return np.maximum(prices[-1] - option.strike, 0) * alive, None


def _basket(option: Option, normal: Floats) -> tuple[Floats, Floats | None]:
    spread = option.volatilities * math.sqrt(option.years)
    drift = (option.rate - 0.5 * option.volatilities**2) * option.years
    logs = drift[:, None] + spread[:, None] * (_cholesky(option) @ normal)
    arithmetic = option.spot * (option.weights @ np.exp(logs))
    geometric = option.spot * np.exp(option.weights @ logs)
    return np.maximum(arithmetic - option.strike, 0), np.maximum(geometric - option.strike, 0)


def _cholesky(option: Option) -> Floats:
    n = option.weights.size
    return np.asarray(np.linalg.cholesky(np.full((n, n), option.correlation) + (1 - option.correlation) * np.eye(n)))


def control_value(option: Option) -> float | None:
    """Exact value of the control variate of an option, None where it has none."""
    if option.kind == "asian_call":
        n, dt = option.dates, option.years / option.dates
        mean = math.log(option.spot) + (option.rate - 0.5 * option.volatility**2) * dt * (n + 1) / 2
        variance = option.volatility**2 * dt * (n + 1) * (2 * n + 1) / (6 * n)
        return lognormal_call(mean, math.sqrt(variance), option.strike, option.rate, option.years)
    if option.kind == "basket_call":
        w, v = option.weights, option.volatilities
        mean = math.log(option.spot) + float(w @ (option.rate - 0.5 * v**2)) * option.years
        mixed = (w * v) @ _cholesky(option)
        return lognormal_call(
            mean, math.sqrt(float(mixed @ mixed) * option.years), option.strike, option.rate, option.years
        )
    return None


PAYOFFS: dict[str, Callable[[Option, Floats], tuple[Floats, Floats | None]]] = {
    "call": _european,
    "put": _european,
    "asian_call": _asian,
    "up_out_call": _barrier,
    "basket_call": _basket,
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Price, its standard error (one sigma) and the number of simulated paths."""

    value: float
    standard_error: float
    paths: int


def estimate(option: Option, pairs: int, rng: np.random.Generator) -> Estimate:
    """Price from ``pairs`` antithetic pairs; the control's weight comes from a pilot batch that is then thrown away."""
    payoff = PAYOFFS[option.kind]
    drivers = option.weights.size if option.kind == "basket_call" else option.dates
    discount = math.exp(-option.rate * option.years)
    exact = control_value(option)

    def batch(size: int) -> tuple[Floats, Floats | None]:
        normal = rng.standard_normal((drivers, size))
        (up, up_control), (down, down_control) = payoff(option, normal), payoff(option, -normal)
        control = None if up_control is None or down_control is None else 0.5 * discount * (up_control + down_control)
        return 0.5 * discount * (up + down), control

    weight = 0.0
    if exact is not None:
        sample, control = batch(min(BATCH, 2048))
        both = np.cov(sample, control)
        weight = float(both[0, 1] / both[1, 1]) if both[1, 1] > 0 else 0.0
    means, squares, sizes = [], [], []
    for done in range(0, pairs, BATCH):
        sample, control = batch(min(BATCH, pairs - done))
        if control is not None and exact is not None:
            sample = sample - weight * (control - exact)
        sizes.append(sample.size)
        means.append(float(sample.mean()))
        squares.append(float(np.sum((sample - means[-1]) ** 2)))
    value = math.fsum(n * m for n, m in zip(sizes, means, strict=True)) / pairs
    within = math.fsum(squares) + math.fsum(n * (m - value) ** 2 for n, m in zip(sizes, means, strict=True))
    return Estimate(value, math.sqrt(within / (pairs - 1) / pairs), 2 * pairs)


def read_portfolio(text: str) -> tuple[int, int, list[Option]]:
    """Seed, pairs per option and options, from the text of portfolio.json.

    Raises PortfolioError naming the key that is missing, unknown or out of range.
    """
    try:
        top = json.loads(text)
    except json.JSONDecodeError as error:
        raise PortfolioError(f"portfolio is not valid JSON: {error}") from None
    _known("", top, "seed pairs options")
    seed, pairs = _whole("", top, "seed", 0, 2**31), _whole("", top, "pairs", 2, 10**8)
    rows = top.get("options")
    if not isinstance(rows, list) or not rows:
        raise PortfolioError(f"options = {rows!r} is not allowed: a list of one or more objects")
    return seed, pairs, [_option(f"options[{i}].", row) for i, row in enumerate(rows)]


def _option(path: str, row: Any) -> Option:
    always = "name kind spot strike rate years"
    _known(path, row, always + " volatility dates barrier weights volatilities correlation")
    kind, name = row.get("kind"), row.get("name")
    if kind not in PAYOFFS:
        raise PortfolioError(f"{path}kind = {kind!r} is not allowed: one of {', '.join(PAYOFFS)}")
    if not isinstance(name, str) or not name:
        raise PortfolioError(f"{path}name = {name!r} is not allowed: a text")
    extra: dict[str, Any] = {}
    if kind == "basket_call":
        extra["weights"] = _list(path, row, "weights", 0, 1)
        extra["volatilities"] = _list(path, row, "volatilities", 1e-4, 5)
        if extra["weights"].size != extra["volatilities"].size or abs(extra["weights"].sum() - 1) > 1e-9:
            raise PortfolioError(f"{path}weights is not allowed: as many as volatilities, with the sum 1")
        extra["correlation"] = _number(path, row, "correlation", 0, 0.999)
    if kind in ("asian_call", "up_out_call"):
        extra["dates"] = _whole(path, row, "dates", 1, 10_000)
    strike = _number(path, row, "strike", 1e-6, 1e9)
    if kind == "up_out_call":
        extra["barrier"] = _number(path, row, "barrier", max(strike, _number(path, row, "spot", 1e-6, 1e9)), 1e9)
    return Option(
        name=name,
        kind=kind,
        spot=_number(path, row, "spot", 1e-6, 1e9),
        strike=strike,
        rate=_number(path, row, "rate", -0.5, 1),
        volatility=1.0 if kind == "basket_call" else _number(path, row, "volatility", 1e-4, 5),
        years=_number(path, row, "years", 1e-4, 100),
        **extra,
    )


def _known(path: str, row: Any, known: str) -> None:
    if not isinstance(row, dict):
        raise PortfolioError(f"{path or 'portfolio '}= {row!r} is not allowed: an object with the keys {known}")
    for key in row:
        if key not in known.split():
            raise PortfolioError(f"{path}{key} is not a key of the portfolio: known here are {known}")


def _number(path: str, row: dict[str, Any], key: str, low: float, high: float) -> float:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise PortfolioError(f"{path}{key} = {value!r} is not allowed: a number from {low:g} to {high:g}")
    return float(value)


def _whole(path: str, row: dict[str, Any], key: str, low: int, high: int) -> int:
    if not isinstance(row.get(key), int):
        raise PortfolioError(f"{path}{key} = {row.get(key)!r} is not allowed: a whole number from {low} to {high}")
    return int(_number(path, row, key, low, high))


def _list(path: str, row: dict[str, Any], key: str, low: float, high: float) -> Floats:
    values = row.get(key)
    if not isinstance(values, list) or not values:
        raise PortfolioError(f"{path}{key} = {values!r} is not allowed: a list of numbers from {low:g} to {high:g}")
    return np.array([_number(path, {f"{key}[{i}]": v}, f"{key}[{i}]", low, high) for i, v in enumerate(values)])


def price_all(seed: int, pairs: int, options: list[Option], instance: int) -> dict[str, Any]:
    """The result of one instance, ready for JSON; tells its progress after each option."""
    rows = []
    for i, option in enumerate(options):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(instance, i)))
        found = estimate(option, pairs, rng)
        rows.append(
            {
                "name": option.name,
                "kind": option.kind,
                "value": found.value,
                "standard_error": found.standard_error,
                "paths": found.paths,
                "closed_form": closed_form(option),
            }
        )
        print(f"{option.name}: {found.value:.5f} ± {found.standard_error:.5f}", flush=True)
        print(f"progress {100 * (i + 1) // len(options)} %", flush=True)
    return {"instance": instance, "seed": seed, "options": rows}


def asked_work(arguments: list[str]) -> tuple[int, int, int, list[Option]]:
    """Instance, seed, pairs and options that the environment and the command line name."""
    if len(arguments) != 1:
        raise PortfolioError("usage: python3 price.py portfolio.json")
    number = os.environ.get("INSTANCE_ID", "0")
    if not number.isascii() or not number.isdigit():
        raise PortfolioError(f"INSTANCE_ID = {number!r} is not allowed: a whole number from 0")
    try:
        text = Path(arguments[0]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PortfolioError(f"{arguments[0]} cannot be read: {error}") from None
    return int(number), *read_portfolio(text)


def main(arguments: list[str]) -> int:
    """Price the portfolio for the instance that the environment names; returns the exit code."""
    try:
        instance, seed, pairs, options = asked_work(arguments)
    except PortfolioError as error:
        print(f"price: {error}", file=sys.stderr)
        return 2
    result = price_all(seed, pairs, options, instance)
    target = Path(os.environ.get("QARNOT_RESULTS_DIRECTORY", ".")) / f"prices_{instance}.json"
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_text(json.dumps(result, indent=1), encoding="utf-8")
        part.replace(target)
    except OSError as error:
        print(f"price: {target} cannot be written: {error}", file=sys.stderr)
        return 3
    print(f"wrote {target.name}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
