"""Forecast errors of first order: nothing at the time of issue, growing with the lead to a stated size.

The error at lead k is ``e_k = φ e_{k−1} + σ √(1 − φ²) ε_{i+k}``, ``e_0 = 0``, so its variance is ``σ² (1 − φ^{2k})``:
σ is the size that it grows to. The shock ε belongs to the step at which it strikes, not to the issue: who issues again
an hour later knows one shock more, and successive forecasts of one moment differ as real ones do (martingale model of
forecast evolution: Heath & Jackson, IIE Transactions 26, 1994). Errors of weather forecasts are close to first order:
Zheng et al., J. Building Performance Simulation, 2025; the values below are those of its use in BOPTEST, hourly,
``forecast/forecast_uncertainty_params.json`` (BSD-3), level "medium" for temperature, "low" for sun.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter
from scipy.special import ndtri

from ondol.model.checks import check_range, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats

TEMP_SIGMA_K = 1.63
"""Stationary error of the outdoor temperature: 0.6 K a shock, φ = 0.93, 0.6/√(1 − 0.93²)."""

TEMP_PHI = 0.93

SUN_SIGMA = 0.35
"""Stationary relative error of the sun: Laplace shocks of scale 45.64 W/m² at φ = 0.62 are 82 W/m², about a third of
the mean of the lit hours at Trappes."""

SUN_PHI = 0.62

LARGEST_STEP = 2**48
_LANES = 4  # numbers of 64 bits that one count of Philox gives


def shocks(first_step: int, n: int, seed: int) -> Floats:
    """Standard normal numbers of n successive steps; that of a step is the same whoever asks for it.

    Philox is a counter, so any place of its stream is reached at once (Salmon et al., SC'11); one uniform number each
    through the inverse normal distribution.

    Parameters
    ----------
    first_step : step of the first number, 0 to 2^48
    n : how many, 0 or more
    seed : 0 to 2^63 − 1
    """
    check_whole("first_step", first_step, 0, LARGEST_STEP)
    check_whole("n", n, 0, 10_000_000)
    check_whole("seed", seed, 0, 2**63 - 1)
    block, skip = divmod(first_step, _LANES)
    stream = np.random.Philox(key=seed)
    stream.advance(block)
    bits = stream.random_raw(n + skip)[skip:]
    return np.asarray(ndtri(((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53))


def ar1_errors(n: int, sigma: float, phi: float, seed: int, *, first_step: int = 0) -> Floats:
    """Errors at leads 1 to n of a forecast issued just before `first_step`.

    Parameters
    ----------
    n : leads
    sigma : stationary standard deviation, in the unit of what is forecast, 0 or more
    phi : what is left of an error after a step, 0 to below 1
    seed : of the errors of one signal; give each signal its own
    first_step : step of lead 1

    Returns
    -------
    shape (n,), standard deviation ``σ √(1 − φ^{2k})`` at lead k

    Raises
    ------
    InvalidFieldError : a number out of range
    """
    check_range("sigma", float(sigma), 0.0, 1e12)
    check_range("phi", float(phi), 0.0, 1.0 - 1e-9)
    struck = shocks(first_step, n, seed) * (sigma * np.sqrt(1.0 - phi * phi))
    return np.asarray(lfilter([1.0], [1.0, -phi], struck), dtype=np.float64)


def disturbed(
    truth: Floats,
    issue_step: int,
    horizon: int,
    sigma: float,
    phi: float,
    seed: int,
    *,
    relative: bool = False,
    least: float = -np.inf,
) -> Floats:
    """What a forecast issued at the end of `issue_step` said of the `horizon` steps after it.

    Parameters
    ----------
    truth : the series that came, one value a step from step 0 on
    issue_step : last step that was known; −1 before the first
    horizon : steps ahead, 1 or more; they have to lie within `truth`
    sigma, phi, seed : see `ar1_errors`; sigma as a share of the truth where `relative`
    relative : multiply by 1 + error rather than add the error (sun, carbon intensity: nothing stays nothing)
    least : smallest value that can be said, such as 0 for the sun

    Returns
    -------
    shape (horizon,), always the same for the same arguments

    Raises
    ------
    InvalidFieldError : steps outside of the truth, numbers out of range, a truth that is not finite there
    """
    steps = np.asarray(truth, dtype=np.float64)
    check_whole("issue_step", issue_step, -1, len(steps) - 2)
    check_whole("horizon", horizon, 1, len(steps) - 1 - issue_step)
    coming = steps[issue_step + 1 : issue_step + 1 + horizon]
    if not np.all(np.isfinite(coming)):
        raise InvalidFieldError("truth", float("nan"), "finite values in all steps of the horizon")
    errors = ar1_errors(horizon, sigma, phi, seed, first_step=issue_step + 1)
    return np.maximum(coming * (1.0 + errors) if relative else coming + errors, least)
