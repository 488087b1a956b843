"""What the live View tells of the hours ahead: sinks as stores, their demand, carbon and work to come."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ondol.accounting.backup_heat import backup_heat_rates
from ondol.agent.orders import SinkReport, SiteOrders
from ondol.control.clock import utc
from ondol.control.demand_log import KEYS, DemandLog, Readings
from ondol.control.grids import Grids
from ondol.control.lessons import Lesson, Lessons
from ondol.control.sink_physics import SinkPhysics
from ondol.control.skies import Skies, Weather
from ondol.control.study import Study, at_once
from ondol.control.work_log import WorkLog
from ondol.model.fleet import Fleet
from ondol.model.ids import SinkId
from ondol.model.sink import Sink
from ondol.model.view import Bools, Floats, ServiceClass, SinkColumns
from ondol.thermal.forecast.spans import QUARTER_S, QUARTERS, SPANS_S, over_spans

_log = logging.getLogger(__name__)
ISSUE_S = 300.0  # forecasts are put together anew so often; levels are those of the last sample
HASTE, HASTE_S = 1.0, 21_600.0
"""Heat that is missing now counts so much more than heat that will be missing in days, falling with this time constant.
The fleet does not tell which sinks have another heater. To a planner that trusts in backups all missing heat is alike,
and it would let a cold room wait for a cleaner hour of the grid; it may, as far as the store lasts, and no farther. So
the price of missing heat falls by 42 g/kWh an hour at first: faster than the packaged grids do in 99 of 100 hours.
"""

METHOD = "direct"
"""Of the packaged grid series (`signals.carbon.GridCarbon.METHOD`); the backup's factors must be of the same method."""


def gas(_sink: Sink) -> str:
    """Say that every sink's backup is a gas boiler: what most are, and the fleet does not tell yet."""
    return "gas"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ahead:
    """What the View takes over; fields as there."""

    sinks: SinkColumns
    ahead_s: Floats
    ahead_grid_g_per_kwh: Floats
    ahead_work_s: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Issue:
    """One issue of forecasts, (sinks, spans) unless noted.

    Parameters
    ----------
    issued_s : [s since the epoch]
    blind : (sinks,) whose stand was not known then
    work_s : (4, spans), None while too little is known of what comes [s]
    """

    issued_s: float
    blind: Bools
    demand_w: Floats
    demand_high_w: Floats
    grid_g_per_kwh: Floats
    backup_g_per_kwh: Floats
    backup_eur_per_kwh: Floats
    work_s: Floats | None


class Outlook:
    """Keeps what forecasts are learned from, and issues them.

    Parameters
    ----------
    weather : skies over the sinks, or one weather for all of them at an aware time; of times past as it was
    work : what is expected to be submitted
    document : documents of an earlier life, by key
    study : where lessons are drawn up: aside, or at once on a leaping clock
    backup_of : kind of each sink's backup, see `backup_heat_rates`

    `lesson` is the last one, None until the first is there.
    """

    def __init__(
        self,
        fleet: Fleet,
        grids: Grids,
        *,
        weather: Skies | Weather,
        work: WorkLog,
        document: Callable[[str], bytes | None] = lambda _key: None,
        study: Study = at_once,
        backup_of: Callable[[Sink], str] = gas,
    ) -> None:
        self._fleet, self._grids, self._work, self._study = fleet, grids, work, study
        self._physics = SinkPhysics(fleet)
        self._ids: tuple[SinkId, ...] = tuple(sink.id for sink in fleet.sinks)
        self._lessons = Lessons(self._physics, weather, lambda: study.closing)
        self._backup = [backup_of(sink) for sink in fleet.sinks]
        site_row = {site.id: row for row, site in enumerate(fleet.sites)}
        self._site = np.array([site_row[sink.site_id] for sink in fleet.sinks], dtype=np.int64)
        nodes = [
            (sink, node)
            for unit in fleet.units
            if (sink := fleet.sink_of(unit)) is not None
            for node in fleet.nodes_of(unit.id)
        ]
        row_of = {sink: row for row, sink in enumerate(self._ids)}
        rows = np.array([row_of[sink.id] for sink, _ in nodes], dtype=np.int64)
        count = len(self._ids)
        self._power_w = np.bincount(rows, np.array([node.curve.max_w for _, node in nodes]), count).astype(np.float64)
        self._slots = np.bincount(rows, np.array([float(node.slots) for _, node in nodes]), count)
        self._log = DemandLog(self._ids, weather, map(document, KEYS), power_w=self._power_w)
        self._issue: _Issue | None = None
        self._fault = False
        self._due = True
        self.lesson: Lesson | None = None

    def note(self, now_s: float, orders: Iterable[SiteOrders]) -> None:
        """Take in a sample of all sites, and begin a new lesson where an hour has ended."""
        try:
            self._due |= self._log.sample(now_s, orders)
            # Two months of a fleet are tens of megabytes: no sample puts them together in vain.
            if self._due and self._study.free:
                readings = self._log.readings(now_s)
                self._due = not self._study(lambda: self._learn(now_s, readings))
        except Exception:  # noqa: BLE001  # heat goes on, whatever is wrong with forecasts
            _log.exception("no new forecasts for an hour; those of before stay for a day")
            self._due = False

    def ahead(self, now_s: float, orders: Iterable[SiteOrders], known_work_s: float = 0.0) -> Ahead | None:
        """Give stores and forecasts for a View; None until there are any, and where they are too old to be told.

        Parameters
        ----------
        known_work_s : full-speed seconds of work that is queued or runs [slot-s]
        """
        if not self._ids:
            return None
        try:
            return self._ahead(now_s, orders, known_work_s)
        except Exception:  # noqa: BLE001  # without forecasts thermostats decide; work and heat must go on
            if not self._fault:
                _log.exception("no forecasts now; thermostats decide")
            self._fault = True
            return None

    def documents(self, now_s: float) -> dict[str, bytes]:
        """What must outlive the platform: measured hours and submitted work. Lessons are drawn up anew from these."""
        work = self._work.documents(now_s)  # first: measured days count as written once they are handed out
        return {**work, **self._log.documents()}

    def _learn(self, now_s: float, readings: Readings) -> None:
        if self.lesson is None or self.lesson.at(now_s, 1, QUARTER_S) is None:
            # Learning from two months takes minutes for a fleet; physics can plan meanwhile.
            self.lesson = self._lessons.by_physics(now_s)
        self.lesson = self._lessons.draw_up(now_s, readings) or self.lesson

    def _ahead(self, now_s: float, orders: Iterable[SiteOrders], known_work_s: float) -> Ahead | None:
        reports = {report.sink_id: report for site in orders for report in site.reports}
        rows = [reports.get(sink) for sink in self._ids]
        # A sink whose stand nobody knows is no store: it needs what its thermostat asks for, no more can be said.
        blind = np.array([row is None or not row.known for row in rows], dtype=np.bool_)
        issue = self._issue
        if issue is None or not 0.0 <= now_s - issue.issued_s < ISSUE_S or not np.array_equal(issue.blind, blind):
            issue = self._issue = self._issued(now_s, rows, blind)
        if issue is None:
            return None
        work = issue.work_s
        if work is None:
            # On the first day nobody knows what will come: as much as the sinks can use, less what is there already.
            usable = self._usable_work_s(issue.demand_w)
            work = usable * max(1.0 - known_work_s / max(float(usable.sum()), 1.0), 0.0)
        empty = blind | self._physics.wants
        self._fault = False
        return Ahead(
            sinks=SinkColumns(
                ids=self._ids,
                site=self._site,
                store_j=np.where(empty, 0.0, _column(rows, lambda row: row.store_j)),
                capacity_j=np.where(empty, 0.0, _column(rows, lambda row: row.capacity_j)),
                loss_per_s=np.where(empty, 0.0, _column(rows, lambda row: row.loss_per_s)),
                capture=self._physics.capture,
                demand_w=issue.demand_w,
                demand_high_w=issue.demand_high_w,
                backup_g_per_kwh=issue.backup_g_per_kwh,
                backup_eur_per_kwh=issue.backup_eur_per_kwh,
            ),
            ahead_s=np.array(SPANS_S),
            ahead_grid_g_per_kwh=issue.grid_g_per_kwh,
            ahead_work_s=work,
        )

    def _issued(self, now_s: float, rows: Sequence[SinkReport | None], blind: Bools) -> _Issue | None:
        physics, lesson = self._physics, self.lesson
        base = None if lesson is None else lesson.at(now_s, QUARTERS, QUARTER_S)
        if base is None:
            return None
        now = utc(now_s)
        lacks = np.where(blind, 0.0, _column(rows, lambda row: row.lacks_j))
        walls = np.where(blind, 0.0, _column(rows, lambda row: row.walls_lack_j))
        rise = physics.rise_w(physics.clocks(now, QUARTERS), physics.now_lower_c(now), lacks, walls)
        mean, high = base[0] + rise, base[1] + rise
        for row in np.flatnonzero(blind & ~physics.wants).tolist():
            mean[row] = high[row] = _wanted_w(rows[row])
        for row in np.flatnonzero(~blind & ~physics.wants).tolist():
            report = rows[row]
            wanted = np.array(() if report is None else report.wanted_ahead_w)
            mean[row, : len(wanted)] = np.maximum(mean[row, : len(wanted)], wanted)
        sites = self._fleet.sites
        by_country = {
            country: over_spans(self._grids.ahead(country, now_s, QUARTER_S, QUARTERS))
            for country in sorted({site.country for site in sites})
        }
        grid = np.array([by_country[site.country] for site in sites])
        unpriced = np.full(grid.shape[1], np.nan)  # the platform has no signal of the price of electricity
        rates = [
            backup_heat_rates(kind, METHOD, grid[site], unpriced)
            for kind, site in zip(self._backup, self._site.tolist(), strict=True)
        ]
        demand = over_spans(mean)
        return _Issue(
            issued_s=now_s,
            blind=blind,
            demand_w=demand,
            demand_high_w=over_spans(np.maximum(high, mean)),
            grid_g_per_kwh=grid,
            backup_g_per_kwh=np.array([rate[0] for rate in rates]) * _haste(),
            backup_eur_per_kwh=np.array([rate[1] for rate in rates]),
            work_s=self._work.expected_s(now_s),
        )

    def _usable_work_s(self, demand_w: Floats) -> Floats:
        """Work whose heat the sinks could use in each span, all harvest, (4, spans) [slot-s].

        ``Σ_sinks slots · Δ · min(demand / (capture · P), 1)``
        """
        heat_w = self._physics.capture * self._power_w
        share = np.clip(np.divide(demand_w.T, heat_w, out=np.zeros(demand_w.T.shape), where=heat_w > 0.0), 0.0, 1.0)
        work = np.zeros((len(ServiceClass), len(SPANS_S)))
        work[ServiceClass.HARVEST] = (share @ self._slots) * np.array(SPANS_S)
        return work


def _column(rows: Sequence[SinkReport | None], read: Callable[[SinkReport], float]) -> Floats:
    return np.array([np.nan if row is None else read(row) for row in rows], dtype=np.float64)


def _haste() -> Floats:
    """What missing heat counts in each span, over what it counts in the long run."""
    return 1.0 + HASTE * over_spans(np.exp(-(np.arange(QUARTERS) + 0.5) * QUARTER_S / HASTE_S))


def _wanted_w(report: SinkReport | None) -> Floats:
    """What the thermostat wants over all quarters; beyond its horizon the last of it goes on; 0 where none spoke."""
    wanted = (0.0,) if report is None or not report.wanted_ahead_w else report.wanted_ahead_w
    return np.array([wanted[min(quarter, len(wanted) - 1)] for quarter in range(QUARTERS)])
