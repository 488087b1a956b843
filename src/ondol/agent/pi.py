"""A proportional-integral controller with feed-forward that does not wind up, at any step length."""

from __future__ import annotations

import math
from dataclasses import dataclass

_SHORT = 0.8  # less than this share of what was wanted is "not delivered"
_TRANSIENT_K = 0.5  # a larger error is mostly a set-point that has just moved; it is integrated no faster than this


@dataclass(frozen=True, slots=True, kw_only=True)
class PiGains:
    """Gains of the controller.

    Parameters
    ----------
    kp_w_per_k : proportional gain, > 0 [W/K]
    ti_s : integral time, > 0 [s]
    """

    kp_w_per_k: float
    ti_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PiOutput:
    """What the controller says.

    Parameters
    ----------
    wanted_w : within [0, high_w] [W]
    demand_w : the same before the upper end was applied, ≥ 0 [W]
    integral_w : memory for the next step [W]
    """

    wanted_w: float
    demand_w: float
    integral_w: float


def tune(capacity_j_per_k: float, loss_w_per_k: float, lag_s: float) -> PiGains:
    """Give gains for a first-order sink behind a lag.

    SIMC rules (Skogestad, J. Process Control 13, 2003): K = τ/(k·2θ), Ti = min(τ, 8θ), with the lag θ, the time
    constant τ = C/UA and the gain k = 1/UA, so that K = C/(2θ).

    Parameters
    ----------
    capacity_j_per_k : heat capacity of the quick part of the sink, > 0 [J/K]
    loss_w_per_k : from that part to all around it, ≥ 0 [W/K]
    lag_s : effective dead time: half the heater's lag, the hold of the nodes, the step; > 0 [s]
    """
    time_constant_s = capacity_j_per_k / loss_w_per_k if loss_w_per_k > 0 else math.inf
    return PiGains(kp_w_per_k=capacity_j_per_k / (2 * lag_s), ti_s=min(time_constant_s, 8 * lag_s))


def step_pi(
    gains: PiGains,
    *,
    integral_w: float,
    error_k: float,
    feed_forward_w: float,
    high_w: float,
    delivered_share: float | None,
    dt_s: float,
) -> PiOutput:
    """Let the controller go one step.

    The integral stands still while the output is saturated in the direction of the error, and while less (more)
    power than wanted is delivered because work is missing (cannot wait): no windup by what heat control cannot change.

    Parameters
    ----------
    error_k : set-point minus measured [K]
    feed_forward_w : power that would hold the set-point by the model [W]
    high_w : most that can be delivered, ≥ 0 [W]
    delivered_share : measured over wanted of the last steps; None where nothing was wanted or measured
    dt_s : step, ≥ 0 [s]
    """
    proportional_w = gains.kp_w_per_k * error_k
    raw_w = feed_forward_w + proportional_w + integral_w
    stuck_high = error_k > 0 and (raw_w >= high_w or (delivered_share is not None and delivered_share < _SHORT))
    stuck_low = error_k < 0 and (raw_w <= 0.0 or (delivered_share is not None and delivered_share > 1 / _SHORT))
    if not stuck_high and not stuck_low:
        small_k = min(max(error_k, -_TRANSIENT_K), _TRANSIENT_K)
        integral_w += gains.kp_w_per_k * small_k * dt_s / gains.ti_s
    integral_w = min(max(integral_w, -high_w), high_w)
    raw_w = feed_forward_w + proportional_w + integral_w
    demand_w = max(raw_w, 0.0)
    return PiOutput(wanted_w=min(demand_w, high_w), demand_w=demand_w, integral_w=integral_w)
