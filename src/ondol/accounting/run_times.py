"""How long instances run at full speed: log-normal by kind of task, shrunk to the class's, to a trace's at first.

Mean and variance of ln(run time) are kept with a weight that forgets: of what ran longest ago least. What is known of
a kind weighs as many runs as were seen, what is known of its class `PRIOR_RUNS` more (empirical Bayes with a known
prior weight; Gelman et al., Bayesian Data Analysis, 3rd ed., §2.5 and §5.4).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.model.view import ServiceClass

FIRST_LOG = math.log(652.0)
FIRST_SPREAD = math.log(6_039.0 / 652.0) / 1.2815515655446004
"""Median 652 s and 90 % quantile 6,039 s of the 15,922 run times of the public GRECO trace (landscape.md §2.4)."""

PRIOR_RUNS = 4.0
DECLARED_SPREAD = 0.3  # of ln(actual / declared) until quotes tell better; an assumption (tier T5)
LEAST_OWN = 0.99  # weight of a kind from which on it speaks for itself: one task that is over
_MOST_WEIGHT = 200.0
_MOST_KINDS = 20_000
_Z90 = 1.2815515655446004


@dataclass(frozen=True, slots=True)
class RunTime:
    """Run time of an instance at full speed.

    Parameters
    ----------
    p50_s, p90_s, mean_s : of a log-normal [s]
    grounds : "own", "declared" or "class"
    runs : that it rests on
    """

    p50_s: float
    p90_s: float
    mean_s: float
    grounds: str
    runs: int = 0


@dataclass(slots=True)
class Moments:
    """Weighted mean and sum of squares of ln(run time), and how many were seen in all."""

    weight: float = 0.0
    mean: float = 0.0
    squares: float = 0.0
    seen: int = 0

    def add(self, value: float, weight: float = 1.0) -> None:
        """Take in one value of a weight up to 1; beyond `_MOST_WEIGHT` the oldest fade."""
        if self.weight > _MOST_WEIGHT - weight:
            self.squares *= (_MOST_WEIGHT - weight) / self.weight
            self.weight = _MOST_WEIGHT - weight
        self.weight += weight
        step = value - self.mean
        self.mean += step * weight / self.weight
        self.squares += weight * step * (value - self.mean)
        self.seen += 1


class RunTimes:
    """Learns run times of instances that ended well, by kind and by class; bounded, the kinds unused longest go."""

    def __init__(self, kept: Mapping[str, tuple[float, float, float, int]] | None = None) -> None:
        self._kinds: OrderedDict[str, Moments] = OrderedDict()
        self._classes = {kind: Moments() for kind in ServiceClass}
        for name, values in (kept or {}).items():
            if name.startswith("="):
                self._classes[ServiceClass[name[1:]]] = Moments(*values)
            else:
                self._kinds[name] = Moments(*values)

    def learn(self, kind: str, service: ServiceClass, run_s: float, instances: int = 1) -> None:
        """Take in the run time of an instance at full speed, above 0 [s].

        Instances of a task are much alike (correlation 0.88 in the GRECO trace): all of them together weigh as one.

        Parameters
        ----------
        instances : that its task has, ≥ 1

        Raises
        ------
        InvalidFieldError : a run time that is none
        """
        if not (math.isfinite(run_s) and run_s > 0.0):
            raise InvalidFieldError("run_s", run_s, "a number above 0 s")
        value, weight = math.log(run_s), 1.0 / max(instances, 1)
        self._classes[service].add(value, weight)
        if kind:
            own = self._kinds.get(kind)
            if own is None:
                own = self._kinds[kind] = Moments()
                if len(self._kinds) > _MOST_KINDS:
                    self._kinds.popitem(last=False)
            else:
                self._kinds.move_to_end(kind)
            own.add(value, weight)

    def expect(
        self, kind: str, service: ServiceClass, declared_s: float | None = None, limit_s: float | None = None
    ) -> RunTime:
        """Expect the run time of an instance: from own runs of its kind, else as declared, else from its class's.

        Parameters
        ----------
        declared_s : run time at full speed as the user expects it, above 0 [s]
        limit_s : an attempt is ended after so long, above 0 [s]
        """
        for name, value in (("declared_s", declared_s), ("limit_s", limit_s)):
            if value is not None:
                check_range(name, value, 1e-9, 1e12, "s")
        own = self._kinds.get(kind) if kind else None
        if own is not None and own.weight >= LEAST_OWN:
            mean, spread = self._shrunk(own, service)
            return _run_time(mean, spread, limit_s, "own", own.seen)
        if declared_s is not None:
            return _run_time(math.log(declared_s), DECLARED_SPREAD, limit_s, "declared", 0)
        of_class = self._classes[service]
        mean, spread = _joined(of_class, FIRST_LOG, FIRST_SPREAD)
        return _run_time(mean, spread, limit_s, "class", of_class.seen)

    def pack(self) -> dict[str, tuple[float, float, float, int]]:
        """All that was learned, as plain values; classes begin with "="."""
        named = {f"={kind.name}": one for kind, one in self._classes.items()} | dict(self._kinds)
        return {name: (one.weight, one.mean, one.squares, one.seen) for name, one in named.items()}

    def _shrunk(self, own: Moments, service: ServiceClass) -> tuple[float, float]:
        mean, spread = _joined(self._classes[service], FIRST_LOG, FIRST_SPREAD)
        # Of a kind's place the class says little beyond what its own runs do: its spread is what is borrowed.
        weight = own.weight
        near = (weight * own.mean + 0.5 * mean) / (weight + 0.5)
        variance = (own.squares + PRIOR_RUNS * (0.5 * spread) ** 2) / (max(weight - 1.0, 0.0) + PRIOR_RUNS)
        return near, math.sqrt(variance)


def _joined(one: Moments, mean: float, spread: float) -> tuple[float, float]:
    """Mean and spread with `PRIOR_RUNS` of a prior."""
    weight = one.weight + PRIOR_RUNS
    joined = (one.weight * one.mean + PRIOR_RUNS * mean) / weight
    between = one.weight * PRIOR_RUNS / weight * (one.mean - mean) ** 2
    return joined, math.sqrt((one.squares + PRIOR_RUNS * spread**2 + between) / weight)


def _run_time(mean: float, spread: float, limit_s: float | None, grounds: str, runs: int) -> RunTime:
    most = math.inf if limit_s is None else limit_s
    return RunTime(
        p50_s=min(math.exp(mean), most),
        p90_s=min(math.exp(mean + _Z90 * spread), most),
        mean_s=min(math.exp(mean + 0.5 * spread**2), most),
        grounds=grounds,
        runs=runs,
    )
