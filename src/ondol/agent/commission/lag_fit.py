"""How a unit's heat follows its power: a gain, a first-order lag and a delay, within bounds and with a verdict.

``τ dy/dt = g·u(t − d) + c − y``; u electric power, y heat, c what is lost whatever the power. For a lag and a delay the
rest is linear, so both are searched and g and c solved for (static gain and first-order lag per class of unit, as in
Cerf et al., Euro-Par 2021, arXiv 2107.02426).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.signal import lfilter

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats

SHORTEST_S, LONGEST_S = 1.0, 7200.0
LONGEST_DELAY_S = 900.0
LEAST_EXPLAINED = 0.9
"""Below it something else than power moves the heat, e.g. a pump that starts and stops, and the lag is not its own."""

_LEAST_HOURS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LagFit:
    """A fitted lag.

    Parameters
    ----------
    gain : heat per electric power, steady, 0 to 1.1
    lag_s, delay_s : time constant, and time before anything happens
    offset_w : heat at no power (below 0: case loss)
    explained : share of the heat's variance, 0 to 1
    rmse_w : of the last third, which was not fitted
    identifiable, reason : whether the power moved enough for it, and why
    """

    gain: float
    lag_s: float
    delay_s: float
    offset_w: float
    explained: float
    rmse_w: float
    identifiable: bool
    reason: str


def fit_lag(power_w: Floats, heat_w: Floats, step_s: float) -> LagFit:
    """Fit gain, lag and delay to means over even steps.

    Parameters
    ----------
    power_w, heat_w : shape (n,), no nan; at least three hours
    step_s : 1 to 900 s

    Raises
    ------
    InvalidFieldError : too short, lengths that differ, or values that are not finite
    """
    check_range("step_s", step_s, 1.0, 900.0, "s")
    if power_w.shape != heat_w.shape or power_w.size * step_s < _LEAST_HOURS * 3600.0:
        raise InvalidFieldError("power_w", f"{power_w.size} steps", f"as many as heat_w, and {_LEAST_HOURS:g} h")
    if not (np.isfinite(power_w).all() and np.isfinite(heat_w).all()):
        raise InvalidFieldError("power_w", "nan", "finite numbers; bridge gaps before")
    fitted = 2 * power_w.size // 3
    best: tuple[float, float, int] | None = None
    for delay in range(int(LONGEST_DELAY_S / step_s) + 1):
        score, lag_s = _best_lag(power_w[:fitted], heat_w[:fitted], step_s, delay)
        if best is None or score < best[0] * (1.0 - 1e-3):
            best = (score, lag_s, delay)
    assert best is not None  # noqa: S101 - there is always the delay of 0
    _, lag_s, delay = best
    gain, offset_w, _ = _solve(power_w[:fitted], heat_w[:fitted], step_s, lag_s, delay)
    told = gain * _lagged(power_w, step_s, lag_s, delay) + offset_w
    left = heat_w - told
    variance = float(heat_w[:fitted].var())
    explained = max(0.0, 1.0 - float((left[:fitted] ** 2).mean()) / variance) if variance > 0 else 0.0
    moved = float(power_w.std()) / max(float(np.abs(power_w).max()), 1e-9)
    # a lag shorter than a step cannot be told from none
    fine = explained >= LEAST_EXPLAINED and moved > 0.05 and 0.0 < gain <= 1.1 and lag_s >= step_s
    reason = (
        f"power moved by {100 * moved:.0f} % of its most; {100 * explained:.0f} % of the heat's changes are explained"
    )
    return LagFit(
        gain=gain,
        lag_s=lag_s,
        delay_s=delay * step_s,
        offset_w=offset_w,
        explained=explained,
        rmse_w=float(np.sqrt((left[fitted:] ** 2).mean())),
        identifiable=fine,
        reason=reason if fine else f"{reason}: the lag cannot be told; let the power move more, or sample more often",
    )


def _best_lag(power_w: Floats, heat_w: Floats, step_s: float, delay: int) -> tuple[float, float]:
    def score(log_lag: float) -> float:
        return _solve(power_w, heat_w, step_s, float(np.exp(log_lag)), delay)[2]

    grid = np.linspace(np.log(SHORTEST_S), np.log(LONGEST_S), 16)
    scores = [score(float(one)) for one in grid]
    at = int(np.argmin(scores))
    bounds = (float(grid[max(at - 1, 0)]), float(grid[min(at + 1, grid.size - 1)]))
    found = minimize_scalar(score, bounds=bounds, method="bounded", options={"xatol": 0.01})
    return float(found.fun), float(np.exp(found.x))


def _solve(power_w: Floats, heat_w: Floats, step_s: float, lag_s: float, delay: int) -> tuple[float, float, float]:
    """Gain, offset and mean square error for a lag and a delay."""
    lagged = _lagged(power_w, step_s, lag_s, delay)
    x, y = lagged - lagged.mean(), heat_w - heat_w.mean()
    power = float(x @ x)
    gain = min(max(float(x @ y) / power, 0.0), 1.2) if power > 0 else 0.0
    offset_w = float(heat_w.mean() - gain * lagged.mean())
    return gain, offset_w, float(((heat_w - gain * lagged - offset_w) ** 2).mean())


def _lagged(power_w: Floats, step_s: float, lag_s: float, delay: int) -> Floats:
    """Mean of the lag's output over each step, exact for power that is held over a step."""
    shifted = np.concatenate([np.full(delay, power_w[0]), power_w[: power_w.size - delay]])
    keep = float(np.exp(-step_s / lag_s))
    ends, _ = lfilter([1.0 - keep], [1.0, -keep], shifted, zi=[keep * shifted[0]])
    begins = np.concatenate([[shifted[0]], ends[:-1]])
    return np.asarray(shifted + (begins - shifted) * (lag_s / step_s) * (1.0 - keep))
