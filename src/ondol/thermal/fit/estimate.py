"""Bounded least squares with priors, and what the data themselves said against what was believed before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from ondol.thermal.arrays import Floats

ROUNDS = 3
_LEAST_SIGMA = 0.02  # K: no thermometer in a room or tank is better
_FIRST_SIGMA = 0.3  # K: what a two-state room leaves unexplained (`reference/heat.md` §1.2: 0.35 to 0.81 K)
_LONGEST = 60  # evaluations with their derivatives a round; a fit takes 5 to 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prior:
    """What is believed of the parameters before any reading, and what is impossible.

    Parameters
    ----------
    mean, sd : normal, shape (k,)
    low, high : bounds, around the mean
    """

    mean: Floats
    sd: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """Most likely parameters and how sure they are.

    Parameters
    ----------
    value : shape (k,), within the bounds
    covariance : of readings and prior together, shape (k, k)
    prior_covariance : of the prior alone
    rmse : root mean square of the residuals
    """

    value: Floats
    covariance: Floats
    prior_covariance: Floats
    rmse: float

    def doubt_left(self, quantity: Callable[[Floats], float]) -> float:
        """Standard error of a quantity over what the prior alone left, 0 (the readings say all) to 1 (nothing)."""
        slope = np.array(
            [
                (quantity(self.value + step) - quantity(self.value - step)) / 2e-4
                for step in 1e-4 * np.eye(self.value.size)
            ]
        )
        before = slope @ self.prior_covariance @ slope
        return float(np.sqrt(slope @ self.covariance @ slope / before)) if before > 0.0 else 0.0


def estimate(residuals: Callable[[Floats], Floats], prior: Prior, *, together: float) -> Estimate:
    """Minimise ``Σ r²/(σ² n₁) + Σ ((θ − θ₀)/s)²`` within bounds, σ being the size that the residuals turn out to have.

    Trust-region reflective (Branch, Coleman & Li, SIAM J. Sci. Comput. 21, 1999). The covariance is the inverse of the
    curvature there.

    Parameters
    ----------
    residuals : of a parameter vector, shape (n,) [K]
    prior : of the parameters, best scaled to about 1
    together : n₁, how many residuals say what one independent one would: they are correlated in time and overlap
    """
    value, slope, rmse = _round(residuals, prior, prior.mean, 1.0 / (_FIRST_SIGMA * np.sqrt(together)))
    for _ in range(ROUNDS - 1):
        value, slope, rmse = _round(residuals, prior, value, 1.0 / (max(rmse, _LEAST_SIGMA) * np.sqrt(together)))
    return Estimate(
        value=value,
        covariance=np.asarray(np.linalg.inv(slope.T @ slope)),
        prior_covariance=np.diag(prior.sd**2),
        rmse=rmse,
    )


def _round(
    residuals: Callable[[Floats], Floats], prior: Prior, start: Floats, scale: float
) -> tuple[Floats, Floats, float]:
    """Most likely parameters at one size of the residuals, the slope of all terms there, and the size they have."""

    def terms(theta: Floats) -> Floats:
        return np.concatenate([residuals(theta) * scale, (theta - prior.mean) / prior.sd])

    inside = np.clip(start, prior.low + 1e-9, prior.high - 1e-9)
    solution = least_squares(terms, inside, bounds=(prior.low, prior.high), method="trf", max_nfev=_LONGEST)
    value = np.asarray(solution.x, dtype=np.float64)
    return value, np.asarray(solution.jac), float(np.sqrt(np.mean(residuals(value) ** 2)))
