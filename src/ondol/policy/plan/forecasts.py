"""What a View forecasts, made fit to plan with: whether it is whole, and what stands in for what nobody forecasts."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Bools, Floats, View


def plannable(view: View) -> bool:
    """Tell whether a view can be planned for: it has sinks, a horizon, and finite forecasts of every sink.

    Where one of them is missing a plan would be a guess, and policies go by what thermostats want instead. One lost
    sensor is no such case: who makes the view shows that sink as no store, its thermostat's want as its demand.
    """
    sinks = view.sinks
    shape = (len(sinks.ids), len(view.ahead_s))
    if not len(sinks.ids) or not steps(view).any():
        return False
    ahead = (sinks.demand_w, sinks.demand_high_w, sinks.backup_g_per_kwh)
    if any(column.shape != shape for column in ahead):
        return False
    known = (*ahead, sinks.store_j, sinks.capacity_j, sinks.loss_per_s, sinks.capture, electricity_g_per_kwh(view))
    return all(bool(np.isfinite(column).all()) for column in known)


def steps(view: View) -> Bools:
    """Tell which steps of the horizon have a length; one of 0 s holds nothing that could be planned."""
    return np.asarray(np.isfinite(view.ahead_s) & (view.ahead_s > 0.0))


def electricity_g_per_kwh(view: View) -> Floats:
    """Carbon of electricity at every site over the horizon, times its PUE, (sites, horizon) [gCO2e/kWh].

    Where nothing is forecast the intensity of now goes on; nan where that is not known either.
    """
    sites, ahead = view.sites, view.ahead_grid_g_per_kwh
    shape = (len(sites.ids), len(view.ahead_s))
    if ahead.shape != shape:
        ahead = np.full(shape, np.nan)
    now = sites.grid_g_per_kwh[:, :1] if sites.grid_g_per_kwh.shape[1] else np.full((shape[0], 1), np.nan)
    return np.asarray(np.maximum(np.where(np.isfinite(ahead), ahead, now), 0.0) * sites.pue[:, None])


def demand_w(view: View, prudence: float) -> Floats:
    """Demand to plan for: so far from the mean towards the 90 % quantile, never below 0, (sinks, horizon) [W].

    Parameters
    ----------
    prudence : 0 for the mean, 1 for the quantile; a quantile below the mean counts as the mean
    """
    mean, high = view.sinks.demand_w, view.sinks.demand_high_w
    return np.asarray(np.maximum(mean + prudence * np.maximum(high - mean, 0.0), 0.0))
