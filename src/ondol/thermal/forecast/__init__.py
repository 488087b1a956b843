"""Forecasts of heat demand and of hot-water draws, errors of forecasts, and how good forecasts are.

- `day_ahead` : `HeatForecaster`, hourly heat demand of the next 48 h with bands
- `series` : what goes in and comes out; `features`, `ridge`, `trees`, `conformal`, `profile` : its parts
- `hour_of_week` : hot-water draws by the hour of the week, with quantiles of hours and of running sums
- `ar1` : errors that grow with the lead, to disturb perfect forecasts with
- `score` : error, daily energy, pinball loss, coverage, bias

Method and measured figures: docs/reference/forecast.md.
"""
