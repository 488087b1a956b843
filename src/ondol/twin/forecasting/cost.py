"""What errors of forecasts cost: one scenario lived with one policy under forecasts of each kind, side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ondol.model.checks import check_choice
from ondol.policy.registry import load_policy
from ondol.report.run_figures import cost_of
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.runs import Run
from ondol.twin.scenario.nouns import FORECASTS
from ondol.twin.summary import Figures, summarise

PERFECT = "perfect"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRun:
    """One run.

    Parameters
    ----------
    kind : of its forecasts
    figures : of the run, with the errors of its forecasts
    by_sink : errors by sink; see `ForecastErrors.by_sink`
    """

    kind: str
    figures: Figures
    by_sink: Mapping[str, Mapping[str, float]]

    def cost(self, perfect: ForecastRun) -> Figures:
        """Differences to the run with perfect forecasts, by name with its unit; above 0 the errors cost something."""
        return cost_of(self.figures, perfect.figures)


def live_with(
    run: Run,
    kinds: Sequence[str] = FORECASTS,
    tell: Callable[[str, int, int], None] = lambda _kind, _done, _all: None,
    *,
    history_days: int = 0,
) -> list[ForecastRun]:
    """Live through a run once with forecasts of each kind; nothing is written.

    Parameters
    ----------
    run : made ready by `prepare`; the kind of its scenario does not matter
    kinds : of `ForecastSpec.kind`
    tell : is told the kind, the days that are over and all days
    history_days : as of `ForecastSpec`, in place of the scenario's where above 0

    Raises
    ------
    InvalidFieldError : a kind that there is not
    """
    for kind in kinds:
        check_choice("kinds", kind, FORECASTS)
    if history_days:
        scenario = run.scenario
        spec = msgspec.structs.replace(scenario.forecast, history_days=history_days)
        run = dataclasses.replace(run, scenario=msgspec.structs.replace(scenario, forecast=spec))
    return [_lived(run, kind, tell) for kind in kinds]


def _lived(run: Run, kind: str, tell: Callable[[str, int, int], None]) -> ForecastRun:
    spec = msgspec.structs.replace(run.scenario.forecast, kind=kind)
    scenario = msgspec.structs.replace(run.scenario, forecast=spec)
    twin = FleetTwin(scenario, run.series, run.trace, load_policy(run.policy_name))
    day = max(1, round(86_400.0 / run.series.step_s))
    days = -(-run.series.steps // day)
    for done in range(days):
        tell(kind, done, days)
        twin.live(day)
    tell(kind, days, days)
    errors = twin.forecast_errors
    by_sink = {str(twin.layout.sink_ids[row]): of_sink for row, of_sink in errors.by_sink().items()}
    return ForecastRun(kind=kind, figures=summarise(twin) | errors.figures(), by_sink=by_sink)
