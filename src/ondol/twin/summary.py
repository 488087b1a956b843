"""The figures of a run: heat, carbon, money, comfort and service, as one flat table of names and numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.accounting.figures import J_PER_KWH
from ondol.model.view import Floats, ServiceClass
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.lateness import due_s, late_rate, unfinished_rate
from ondol.twin.layout import SinkKind
from ondol.twin.scenario.backup import backup_rates

LATE_S = 1.0  # a deadline missed by less is not counted: times are sums of floats and of whole seconds of tables
NAMES = ("on_demand", "flex", "harvest")
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Charges:
    """Work that was not done when it was due, and work without a due time that was not done at the end [s]."""

    late_s: float
    unfinished_s: float


def charges(twin: FleetTwin) -> Charges:
    """Count what is charged; see `ondol.twin.lateness`.

    What an instance still had to do when it was due is at most what it could run from then on, on the quickest node,
    and never more than all of it.
    """
    attempts, end_s = twin.attempts, twin.step * twin.series.step_s
    jobs, came = attempts.jobs, slice(0, attempts.count)
    due, ended, run_s = due_s(jobs), attempts.end_s[came], attempts.run_s[came]
    submitted = jobs.submitted_s < end_s
    finished = np.where(np.isnan(ended), np.inf, ended)
    left_s = np.where(np.isnan(ended), run_s - attempts.done_s[came], 0.0)
    owed = submitted & (due <= end_s)
    late = np.flatnonzero(owed & (finished > due))
    quickest = float(twin.layout.node_speed.max(initial=1.0))
    late_s = np.minimum(run_s[late], np.maximum((finished[late] - due[late]) * quickest, left_s[late]))
    return Charges(float(late_s.sum()), float(left_s[submitted & ~owed].sum()))


def summarise(twin: FleetTwin) -> Figures:
    """Give all figures of a run that is over; energies in kWh, carbon in kg, waits in s."""
    score, attempts, end = twin.score, twin.attempts, twin.step
    owed = charges(twin)
    series, steps = twin.series, twin.series.steps
    backup_g, backup_eur = backup_rates(twin.scenario, series)
    stored_g = score.stored_g(end)

    def owed_at(rate: Floats, backup: Floats) -> float:
        late = late_rate(twin.scenario, series, rate, backup)
        return owed.late_s * late + owed.unfinished_s * unfinished_rate(twin.scenario, rate[:steps])

    owed_g = owed_at(series.grid_g_per_kwh, backup_g)
    owed_eur = owed_at(series.price_eur_per_kwh, backup_eur)
    total_g = score.electric_g + score.overflow_g + score.backup_g + owed_g - stored_g
    stored_eur = float(backup_eur[min(end, len(backup_eur) - 1)]) * score.stored_j() / J_PER_KWH
    given_j = float(score.heat_j.sum() + score.lost_j.sum())
    figures: Figures = {
        "electric_kwh": score.electric_j / J_PER_KWH,
        "overflow_kwh": score.overflow_j / J_PER_KWH,
        "heat_given_kwh": given_j / J_PER_KWH,
        "heat_useful_kwh": float(score.useful_j.sum()) / J_PER_KWH,
        "heat_dumped_kwh": float(score.dumped_j.sum()) / J_PER_KWH,
        "heat_lost_kwh": float(score.lost_j.sum()) / J_PER_KWH,
        "heat_wanted_kwh": float(score.wanted_j.sum()) / J_PER_KWH,
        "backup_kwh": float(score.backup_j.sum()) / J_PER_KWH,
        "stored_kwh": score.stored_j() / J_PER_KWH,
        "useful_share": float(score.useful_j.sum()) / given_j if given_j else 1.0,
        "erf": float(score.useful_j.sum()) / (score.electric_j + score.overflow_j) if score.electric_j else 0.0,
        "discomfort_kh": float(score.short_kh.sum() + score.over_kh.sum()),
        "under_kh": float(score.short_kh.sum()),
        "over_kh": float(score.over_kh.sum()),
        "worst_sink_kh": float((score.short_kh + score.over_kh).max(initial=0.0)),
        "electric_kg": score.electric_g / 1000.0,
        "overflow_kg": score.overflow_g / 1000.0,
        "backup_kg": score.backup_g / 1000.0,
        "owed_kg": owed_g / 1000.0,
        "stored_kg": stored_g / 1000.0,
        "total_kg": total_g / 1000.0,
        "total_eur": score.electric_eur + score.overflow_eur + score.backup_eur + owed_eur - stored_eur,
        "late_h": owed.late_s / 3600.0,
        "unfinished_h": owed.unfinished_s / 3600.0,
        "lost_work_h": attempts.lost_s / 3600.0,
        "kills": float(attempts.kills),
        "moves": float(attempts.moves),
        "node_starts_per_day": twin.machines.starts / max(end * twin.series.step_s / 86_400.0, 1e-9),
        "moved_bytes": twin.caches.moved_bytes,
        "decisions": float(twin.decisions),
    }
    return figures | _service(twin)


def summarise_sinks(twin: FleetTwin) -> Figures:
    """Give discomfort [K·h] of each kind of sink and of each sink, and its useful and its backup heat [kWh].

    Of a sink the name is the figure's, ``@`` and the sink's id.
    """
    score, layout = twin.score, twin.layout
    felt_kh = score.short_kh + score.over_kh
    figures: Figures = {}
    for kind in SinkKind:
        mine = layout.sink_kind == kind
        if mine.any():
            figures[f"discomfort_{kind.name.lower()}_kh"] = float(felt_kh[mine].sum())
    columns = {
        "discomfort_kh": felt_kh,
        "useful_kwh": score.useful_j / J_PER_KWH,
        "backup_kwh": score.backup_j / J_PER_KWH,
    }
    for name, values in columns.items():
        pairs = zip(layout.sink_ids, values.tolist(), strict=True)
        figures |= {f"{name}@{sink_id}": value for sink_id, value in pairs}
    return figures


def _service(twin: FleetTwin) -> Figures:
    attempts, end_s = twin.attempts, twin.step * twin.series.step_s
    came = slice(0, attempts.arrived)
    start, ended = attempts.first_start_s[came], attempts.end_s[came]
    wait = np.where(np.isnan(start), end_s, start) - attempts.submitted_s[came]
    deadline, kind = attempts.deadline_s[came], attempts.service[came]
    due = np.isfinite(deadline) & (deadline <= end_s)
    late = due & ~(ended <= deadline + LATE_S)
    figures: Figures = {
        "instances": float(len(wait)),
        "finished": float((~np.isnan(ended)).sum()),
        "attempts_per_instance": float(attempts.attempts[came].mean()) if len(wait) else 0.0,
        "wait_mean_s": float(wait.mean()) if len(wait) else 0.0,
        "deadline_misses": float(late.sum()),
        "deadline_miss_share": float(late.sum() / due.sum()) if due.any() else 0.0,
    }
    for number, name in enumerate(NAMES):
        mine = wait[kind == ServiceClass(number)]
        figures |= _quantiles(f"wait_{name}", mine)
    return figures


def _quantiles(name: str, values: Floats) -> Figures:
    if not len(values):
        return {}
    p50, p90, p99 = np.quantile(values, (0.5, 0.9, 0.99)).tolist()
    return {f"{name}_p50_s": p50, f"{name}_p90_s": p90, f"{name}_p99_s": p99}
