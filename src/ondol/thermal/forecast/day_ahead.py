"""Heat demand of the next two days, hour by hour, with bands: ridge and boosted trees, averaged; a profile until then.

The reason for the pair: lines extrapolate to a cold snap, trees see bends; their mean beat either on measured houses
(`reference/heat.md` §6: 8.8 % against 9.9 % and 9.0 % of mean absolute error). Everything is learned in three parts,
each without a third of the days: the mean of the three forecasts is the forecast, and what each got wrong on the days
that it had not seen gives the bands (cross-conformal: Vovk, Annals of Mathematics and AI 74, 2015; Barber et al., CV+,
Annals of Statistics 49, 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats
from ondol.thermal.forecast.conformal import LEVELS, errors_by_hour
from ondol.thermal.forecast.features import (
    DAY_H,
    FAST,
    HOUR,
    SLOW,
    SLOW_H,
    WeatherErrors,
    ahead_table,
    low_pass,
    training_table,
    without_gaps,
)
from ondol.thermal.forecast.profile import DegreeHourProfile
from ondol.thermal.forecast.ridge import Ridge, design, fit_ridge
from ondol.thermal.forecast.series import Gaps, HeatForecast, HeatHistory, Ints, WeatherAhead
from ondol.thermal.forecast.trees import Trees, bin_edges, fit_trees

HALF_LIFE_D = 14.0
MIN_DAYS = 7.0
PARTS = 3
RECENT_H = 10 * DAY_H
"""Hours before the issue that a forecast looks at: six time constants of the slow low-pass, and the last known day."""

_PRIOR_H = 48.0  # hours of measurement that weigh as much as the host's own word on the annual heat
_LEAST_BAND = 0.2  # of the annual mean: so much demand the profile's band allows for, however warm it is


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeatForecaster:
    """What was learned of one building's heat demand; make it with `fit`, refit it daily.

    Parameters
    ----------
    models : ridge and trees, each pair learned without a third of the days; empty while the profile speaks alone
    errors_w : quantiles 0.1, 0.5, 0.9 of truth less forecast by hour of the day, shape (24, 3)
    learned_share, measured_share : weight of the models against the profile, and of measured against assumed bands
    profile, profile_scale : what is known without learning, and what measurements made of its scale, by hour of the day
    coldest_c, warmest_c : of the learned hours, low-passed over 6 h; beyond, the trees lose their say
    recent : the end of the history, from which the next forecast is made
    gaps : what of the history could not be used
    """

    models: tuple[tuple[Ridge, Trees], ...]
    errors_w: Floats
    learned_share: float
    measured_share: float
    profile: DegreeHourProfile | None
    profile_scale: Floats
    coldest_c: float
    warmest_c: float
    recent: HeatHistory
    gaps: Gaps

    @classmethod
    def fit(
        cls,
        history: HeatHistory,
        *,
        profile: DegreeHourProfile | None = None,
        half_life_d: float = HALF_LIFE_D,
        min_days: float = MIN_DAYS,
        weather_errors: WeatherErrors | None = None,
    ) -> HeatForecaster:
        """Learn from hourly readings.

        Up to `min_days` of known hours the profile speaks, scaled by what was measured; from then on until twice as
        many the models take over evenly.

        Parameters
        ----------
        history : 60 days are enough; gaps are left out and counted in `gaps`
        profile : for the first two weeks; without one, `min_days` have to be known
        half_life_d : an hour so many days old counts half, 1 to 365 d
        min_days : 2 to 60 d
        weather_errors : of the forecasts that will be given to `predict`; those of a weather service where None

        Raises
        ------
        InvalidFieldError : too little history and no profile, numbers out of range
        """
        check_range("half_life_d", float(half_life_d), 1.0, 365.0, "d")
        check_range("min_days", float(min_days), 2.0, 60.0, "d")
        table = training_table(history, weather_errors or WeatherErrors())
        known = ~np.isnan(history.demand_w)
        use = known & ~np.isnan(table).any(axis=1)
        days = float(use.sum()) / DAY_H
        if profile is None and days < min_days:
            raise InvalidFieldError(
                "history", f"{days:.1f} days to learn from", f"at least {min_days:g} days of known hours, or a profile"
            )
        age_d = np.arange(len(history) - 1, -1, -1) / DAY_H
        weight = 0.5 ** (age_d / half_life_d)
        learned = 1.0 if profile is None else float(np.clip(days / min_days - 1.0, 0.0, 1.0))

        y, w, rows = history.demand_w[use], weight[use], table[use]
        said = np.zeros(y.size)
        models: tuple[tuple[Ridge, Trees], ...] = ()
        if learned > 0.0:
            models, said = _learn(rows, y, w, np.flatnonzero(use).astype(np.int64))
        scale = np.ones(DAY_H)
        if profile is not None:
            scale = _profile_scale(profile, history, weight)
            said = learned * said + (1.0 - learned) * scale[_hours(rows)] * profile.demand_w(rows[:, SLOW])
        enough = y.size > 0
        return cls(
            models=models,
            errors_w=errors_by_hour(y - np.maximum(said, 0.0), w, _hours(rows))
            if enough
            else np.zeros((DAY_H, len(LEVELS))),
            learned_share=learned,
            measured_share=1.0 if profile is None else min(days / min_days, 1.0),
            profile=profile,
            profile_scale=scale,
            coldest_c=float(rows[:, FAST].min()) if enough else -np.inf,
            warmest_c=float(rows[:, FAST].max()) if enough else np.inf,
            recent=history.part(max(0, len(history) - RECENT_H), len(history)),
            gaps=Gaps(
                hours=len(history),
                used=int(use.sum()),
                demand_unknown=int((~known).sum()),
                weather_unknown=int((np.isnan(history.outdoor_c) | np.isnan(history.sun_w_per_m2)).sum()),
                level_unknown=int((known & np.isnan(table).any(axis=1) & ~np.isnan(table[:, 0])).sum()),
            ),
        )

    def predict(self, ahead: WeatherAhead, recent: HeatHistory | None = None) -> HeatForecast:
        """Forecast the hours right after the known ones.

        Parameters
        ----------
        ahead : weather forecast of the next 1 to 48 hours
        recent : the hours up to the time of issue, ten days or more; the end of the learned history where None

        Raises
        ------
        InvalidFieldError : nothing is known of the demand of the last week, or of any weather, and there is no profile
        """
        known = self.recent if recent is None else recent.part(max(0, len(recent) - RECENT_H), len(recent))
        table = ahead_table(known, ahead)
        speaks = not np.isnan(table).any()
        learned = self.learned_share if speaks else 0.0
        mean = np.zeros(len(ahead))
        if learned > 0.0:
            mean += learned * self._models_say(table)
        if learned < 1.0:
            if self.profile is None:
                raise InvalidFieldError("recent.demand_w", float("nan"), "12 known hours of a day of the last week")
            mean += (1.0 - learned) * self.profile_scale[_hours(table)] * self.profile.demand_w(table[:, SLOW])
        mean = np.maximum(mean, 0.0)
        band = self.errors_w[_hours(table)]
        measured = self.measured_share if speaks or self.learned_share == 0.0 else 0.0
        if measured < 1.0 and self.profile is not None:
            half = self.profile.spread * np.maximum(mean, _LEAST_BAND * self.profile.annual_mean_w)
            band = measured * band + (1.0 - measured) * half[:, None] * np.array([-1.0, 0.0, 1.0])
        low, middle, high = np.maximum(mean[:, None] + band, 0.0).T
        return HeatForecast(mean_w=mean, p10_w=low, p50_w=middle, p90_w=high, learned_share=learned)

    def _models_say(self, table: Floats) -> Floats:
        rows = design(table)
        beyond_k = np.maximum(np.maximum(self.coldest_c - table[:, FAST], table[:, FAST] - self.warmest_c), 0.0)
        share = _tree_share(beyond_k)
        said = [
            (1.0 - share) * np.maximum(ridge.predict(rows), 0.0) + share * trees.predict(table)
            for ridge, trees in self.models
        ]
        return np.asarray(np.mean(said, axis=0))


def _tree_share(beyond_k: Floats) -> Floats:
    """Half within the learned temperatures, a third of that 1 K beyond them: there trees say what they said before."""
    return 0.5 * np.exp(-beyond_k)


def _learn(rows: Floats, y: Floats, w: Floats, place: Ints) -> tuple[tuple[tuple[Ridge, Trees], ...], Floats]:
    """Three pairs of models and what each says of the hours that it had not seen."""
    days_at_a_time = float(np.clip(round(y.size / DAY_H / 12), 1, 5))
    part = (place // (days_at_a_time * DAY_H)).astype(np.int64) % PARTS
    lines, edges = design(rows), bin_edges(rows)
    models = []
    said = np.empty(y.size)
    for k in range(PARTS):
        seen, unseen = part != k, part == k
        ridge = fit_ridge(lines[seen], y[seen], w[seen])
        trees = fit_trees(rows[seen], y[seen], w[seen], edges)
        models.append((ridge, trees))
        if unseen.any():
            said[unseen] = 0.5 * np.maximum(ridge.predict(lines[unseen]), 0.0) + 0.5 * trees.predict(rows[unseen])
    return tuple(models), said


def _profile_scale(profile: DegreeHourProfile, history: HeatHistory, weight: Floats) -> Floats:
    """Measured over expected heat, in all and then by hour of the day, with the host's word on both sides."""
    outdoor = without_gaps(history.outdoor_c)
    use = ~np.isnan(history.demand_w) & ~np.isnan(outdoor)
    if not use.any():
        return np.ones(DAY_H)
    came, w, hour = history.demand_w[use], weight[use], history.hour_of_week[use] % DAY_H
    expected = profile.demand_w(low_pass(outdoor, SLOW_H))[use]
    prior = _PRIOR_H * profile.annual_mean_w
    scale = float((prior + w @ came) / (prior + w @ expected))
    prior = scale * _PRIOR_H / DAY_H * profile.annual_mean_w
    by_hour = np.bincount(hour, w * came, DAY_H) + prior, np.bincount(hour, w * scale * expected, DAY_H) + prior
    # without any heat in sight nothing is known of how it spreads over the day
    return np.asarray(scale * by_hour[0] / by_hour[1]) if prior > 0.0 else np.full(DAY_H, scale)


def _hours(table: Floats) -> Ints:
    return np.asarray(table[:, HOUR], dtype=np.int64)
