"""The figures of a run in words: what each is called, its unit, and whether less or more of it is better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ondol.report.words import UNKNOWN, duration, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure.

    Parameters
    ----------
    key : in a summary's figures
    better : "less", "more", or "" where neither is
    main : whether it is among the few that are shown first
    share : shown in per cent
    negated : shown with the other sign
    """

    key: str
    label: str
    unit: str
    better: str = ""
    main: bool = True
    share: bool = False
    negated: bool = False

    def text(self, value: float | None) -> str:
        """Write a value without its unit."""
        if value is None or not math.isfinite(value):
            return UNKNOWN
        if self.unit == "s":
            return duration(value)
        shown = -value if self.negated else value
        return number(100.0 * shown if self.share else shown + 0.0)  # no minus before a zero

    @property
    def heading(self) -> str:
        """Label with the unit; lengths of time carry their own."""
        unit = "%" if self.share else self.unit
        return self.label if unit in ("", "s") else f"{self.label}, {unit}"


FIGURES = (
    Figure(key="total_kg", label="carbon in all", unit="kgCO2e", better="less"),
    Figure(key="electric_kg", label="  of electricity at the sites", unit="kgCO2e"),
    Figure(key="overflow_kg", label="  of the overflow site", unit="kgCO2e"),
    Figure(key="backup_kg", label="  of backup heat", unit="kgCO2e"),
    Figure(key="owed_kg", label="  of work late or not done", unit="kgCO2e"),
    Figure(key="stored_kg", label="  of heat taken from the stores", unit="kgCO2e", negated=True),
    Figure(key="total_eur", label="cost in all", unit="€", better="less"),
    Figure(key="electric_kwh", label="electricity at the sites", unit="kWh"),
    Figure(key="overflow_kwh", label="electricity of the overflow site", unit="kWh", better="less"),
    Figure(key="heat_wanted_kwh", label="heat wanted", unit="kWh"),
    Figure(key="heat_useful_kwh", label="useful compute heat", unit="kWh", better="more"),
    Figure(key="heat_dumped_kwh", label="heat let out", unit="kWh", better="less"),
    Figure(key="backup_kwh", label="backup heat", unit="kWh", better="less"),
    Figure(key="erf", label="heat reused (ERF)", unit="", better="more", share=True),
    Figure(key="discomfort_kh", label="discomfort, all sinks", unit="K·h", better="less"),
    Figure(key="worst_sink_kh", label="discomfort of the worst sink", unit="K·h", better="less", main=False),
    Figure(key="instances", label="instances that came", unit=""),
    Figure(key="finished", label="  of them finished", unit="", better="more"),
    Figure(key="deadline_miss_share", label="deadlines missed", unit="", better="less", share=True),
    Figure(key="wait_on_demand_p50_s", label="wait of on-demand work, median", unit="s", better="less"),
    Figure(key="wait_on_demand_p99_s", label="  99 % within", unit="s", better="less"),
    Figure(key="wait_flex_p50_s", label="wait of flex work, median", unit="s", better="less", main=False),
    Figure(key="wait_flex_p99_s", label="  99 % within", unit="s", better="less", main=False),
    Figure(key="wait_harvest_p50_s", label="wait of harvest work, median", unit="s", better="less", main=False),
    Figure(key="wait_harvest_p99_s", label="  99 % within", unit="s", better="less", main=False),
    Figure(key="lost_work_h", label="work lost by stopping", unit="slot·h", better="less"),
    Figure(key="moves", label="resumable attempts moved", unit="", main=False),
    Figure(key="kills", label="attempts that lost their work", unit="", better="less", main=False),
    Figure(key="node_starts_per_day", label="nodes switched on a day", unit="", better="less", main=False),
    Figure(key="forecast_nmae_sum", label="error of forecasts, demand of all", unit="", better="less", share=True),
    Figure(key="forecast_nmae_mean", label="  of a sink's demand, hour by hour", unit="", better="less", share=True),
    Figure(
        key="forecast_daily_mape_mean", label="  of a sink's demand, day by day", unit="", better="less", share=True
    ),
    Figure(key="forecast_daily_mape_sum", label="  of the demand of all, by day", unit="", share=True, main=False),
    Figure(key="forecast_nmae_worst", label="  of the worst sink", unit="", share=True, main=False),
    Figure(key="forecast_metered_nmae_mean", label="  of a sink, by its meters", unit="", share=True, main=False),
    Figure(key="forecast_bias", label="  too much (+) or too little", unit="", share=True, main=False),
    Figure(key="forecast_pinball", label="  pinball loss of the quantiles", unit="", share=True, main=False),
    Figure(key="forecast_covered", label="  hours between p10 and p90", unit="", share=True, main=False),
    Figure(key="forecast_temp_mae_k", label="  of the outdoor temperature", unit="K", main=False),
    Figure(key="forecast_carbon_nmae", label="  of the grid's carbon", unit="", share=True, main=False),
    Figure(key="decisions", label="decisions taken", unit="", main=False),
)


COSTS = ("discomfort_kh", "backup_kwh", "heat_dumped_kwh", "overflow_kwh", "total_kg", "total_eur")
"""Figures of which the difference to perfect forecasts is what errors of forecasts cost."""


def cost_of(figures: Mapping[str, float], perfect: Mapping[str, float]) -> dict[str, float]:
    """Differences of a run's figures to those of the same with perfect forecasts, where both have them."""
    return {name: figures[name] - perfect[name] for name in COSTS if name in figures and name in perfect}


def best(figure: Figure, runs: Sequence[Mapping[str, float]]) -> set[int]:
    """Which runs have the best value of a figure; none where all are alike or it has no better."""
    values = [run.get(figure.key, math.nan) for run in runs]
    known = [value for value in values if math.isfinite(value)]
    if not figure.better or len(known) < 2 or min(known) == max(known):
        return set()
    wanted = min(known) if figure.better == "less" else max(known)
    return {rank for rank, value in enumerate(values) if value == wanted}
