"""Run times of made-up work: a lognormal cut off on the right, through a median, a 90 % quantile and a mean.

A lognormal has two parameters. The one through the median and the 90 % quantile of the GRECO trace (652 s, 6,039 s)
has a mean of 2,947 s, the trace 2,224 s: real run times have an end. The cut at L is the third parameter. With
μ, σ of ln x, Φ the normal distribution, a = (ln L − μ)/σ: quantile(p) = exp(μ + σ Φ⁻¹(p Φ(a))),
mean = exp(μ + σ²/2) Φ(a − σ)/Φ(a).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr, ndtri

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats

_CUT_LOW, _CUT_HIGH = 0.0, 38.0  # of a: from 0 on the mean grows with it; at 38 nothing is cut off that a float shows


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimes:
    """Distribution of run times.

    Parameters
    ----------
    mu, sigma : mean and standard deviation of ln(run time / 1 s) before the cut
    cut : a = (ln L − μ)/σ; inf for none
    """

    mu: float
    sigma: float
    cut: float

    def quantile_s(self, p: Floats) -> Floats:
        """Run time that a share `p`, above 0 and below 1, does not exceed [s]."""
        return np.asarray(np.exp(self.mu + self.sigma * ndtri(p * ndtr(self.cut))))

    @property
    def mean_s(self) -> float:
        """Mean run time [s]."""
        return math.exp(self.mu + self.sigma**2 / 2 + float(log_ndtr(self.cut - self.sigma) - log_ndtr(self.cut)))

    @property
    def longest_s(self) -> float:
        """Where the distribution ends [s]."""
        return math.exp(self.mu + self.sigma * self.cut)


@functools.lru_cache(maxsize=64)
def fit_run_times(p50_s: float, p90_s: float, mean_s: float | None) -> RunTimes:
    """Fit the cut lognormal to a median, a 90 % quantile and a mean; without a mean, the whole lognormal.

    Parameters
    ----------
    p50_s : 1e-3 to 1e9 [s]
    p90_s : above p50_s, to 1e9 [s]
    mean_s : that a lognormal through the two has whose cut is above its own median [s], or None

    Raises
    ------
    InvalidFieldError : out of range; for the mean it says which means there are
    """
    check_range("run_p50_s", p50_s, 1e-3, 1e9, "s")
    check_range("run_p90_s", p90_s, p50_s * (1 + 1e-6), 1e9, "s")
    if mean_s is None:
        return _through(p50_s, p90_s, math.inf)
    low_s, high_s = _through(p50_s, p90_s, _CUT_LOW).mean_s, _through(p50_s, p90_s, _CUT_HIGH).mean_s
    if not low_s < mean_s < high_s:
        raise InvalidFieldError(
            "run_mean_s",
            mean_s,
            f"between {low_s:.6g} and {high_s:.6g} s with these quantiles; None for {high_s:.6g} s",
        )
    cut = brentq(lambda a: _through(p50_s, p90_s, a).mean_s - mean_s, _CUT_LOW, _CUT_HIGH, xtol=1e-12)
    return _through(p50_s, p90_s, float(cut))


def _through(p50_s: float, p90_s: float, cut: float) -> RunTimes:
    """Give the lognormal with this cut through the two quantiles."""
    kept = float(ndtr(cut))
    at_p50, at_p90 = float(ndtri(0.5 * kept)), float(ndtri(0.9 * kept))
    sigma = math.log(p90_s / p50_s) / (at_p90 - at_p50)
    return RunTimes(mu=math.log(p50_s) - sigma * at_p50, sigma=sigma, cut=cut)
