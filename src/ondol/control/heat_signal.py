"""Makes the heat signal of a running platform: looks at its views, and publishes areas and sites from them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from ondol.accounting.basis import Basis
from ondol.control.clock import utc
from ondol.control.signal_areas import Area, Areas, areas_of, count_hosts
from ondol.control.signal_issue import HOUR_S, STEP_S, Issue, area_watts, issued, over_steps, starts_of
from ondol.control.signal_record import MOST_PLACES, Foretold, SignalRecord
from ondol.model.errors import NotFoundError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.heat_signal import AreaSignal, HeatState, Range, SignalStep, SignalTerms
from ondol.model.ids import AccountId, SiteId
from ondol.model.site import UnitKind
from ondol.model.view import Floats, Ints, Phase, ServiceClass, View
from ondol.policy.heat_balance import CENTRAL, HIGH, LOW, HeatBalance
from ondol.policy.heat_states import Before, states_of
from ondol.policy.signal_score import Tally

KEY, RECORD_KEY = "heat.signal", "heat.signal.record"
ISSUE_S = 300.0  # a signal is made anew so often, where anybody asks [s, platform]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Slots that take work, those that are free, and queued instances by class, as of the last decision."""

    total: int
    free: int
    waiting: tuple[int, ...]


class HeatSignals:
    """The signal of a fleet; every method is thread-safe and answers from the last view that the loop decided on.

    Parameters
    ----------
    hosts_of : who hosts a site
    view : what the loop decided on last, None while it has not
    clock_rate : platform seconds per wall second
    basis : on which grams are counted; None for the grid's intensity as it was recorded
    kept, kept_record : documents of an earlier life
    """

    def __init__(
        self,
        fleet: Fleet,
        hosts_of: Callable[[SiteId], frozenset[AccountId]],
        view: Callable[[], View | None],
        *,
        clock_rate: float = 1.0,
        terms: SignalTerms | None = None,
        basis: Basis | None = None,
        kept: bytes | None = None,
        kept_record: bytes | None = None,
    ) -> None:
        self.terms = fleet.signal if terms is None else terms
        self.clock_rate = clock_rate
        self._fleet, self._hosts_of, self._basis, self._view = fleet, hosts_of, basis, view
        self._heats = frozenset(unit.site_id for unit in fleet.units if unit.kind is not UnitKind.SERVER_RACK)
        self._lock = threading.Lock()
        self._issue: Issue | None = None
        self._before: dict[str, Before] = {}
        self._made: dict[tuple[str, float], tuple[AreaSignal, tuple[float | None, ...]]] = {}
        self.record = SignalRecord(kept_record)
        if kept is not None:
            stored = msgspec.msgpack.decode(kept, type=dict[str, tuple[str, float]])
            self._before = {key: Before(HeatState(state), since_s) for key, (state, since_s) in stored.items()}

    def documents(self) -> dict[str, bytes]:
        """What must outlive the platform: the states that were published, so that a restart does not make them flap."""
        before = self._before  # replaced whole, never changed: the loop does not wait for a signal that is being made
        return {KEY: msgspec.msgpack.encode({key: (one.state.value, one.since_s) for key, one in before.items()})}

    def issue(self) -> Issue:
        """The present making; raises UnavailableError while nothing was decided yet."""
        with self._lock:
            return self._now()

    def slots(self) -> Slots:
        """How full the fleet is; raises UnavailableError while nothing was decided yet."""
        view = self._seen()
        queued = view.instances.phase == Phase.QUEUED
        waiting = np.bincount(view.instances.service[queued], minlength=len(ServiceClass)) + view.beyond
        accepts = view.nodes.accepts
        return Slots(
            total=int(view.nodes.slots[accepts].sum()),
            free=int(view.nodes.slots_free[accepts].sum()),
            waiting=tuple(int(count) for count in waiting),
        )

    def areas(self) -> Areas:
        """What may be published of the fleet now; hosts come and go."""
        return areas_of(self._fleet.sites, self._hosts_of, self.terms.least_sites, self._heats)

    def published(self, step_s: float = STEP_S) -> list[AreaSignal]:
        """The signals of all areas, by name."""
        areas = self.areas()
        with self._lock:
            issue = self._now()
            return [self._signal(issue, one.name, one.regions, one.sites, step_s) for one in areas.published]

    def of_region(self, region: str, step_s: float = STEP_S) -> AreaSignal:
        """Signal of the area that a region is published in; raises NotFoundError where there is none, or withheld."""
        area = self._area(region)
        with self._lock:
            return self._signal(self._now(), area.name, area.regions, area.sites, step_s)

    def whole(self) -> AreaSignal | None:
        """The signal of all sites by the hour, for what is said of work that runs anywhere.

        None where none heats, and where there are hosts but fewer of them than an area needs: it would tell of homes.
        """
        if not self._heats or (any(map(self._hosts_of, sorted(self._heats))) and not self._enough()):
            return None
        with self._lock:
            return self._signal(self._now(), "fleet/all", (), tuple(sorted(self._heats)), HOUR_S)

    def of_site(self, site_id: SiteId, step_s: float = STEP_S) -> AreaSignal:
        """Signal of one site, for who may see it; raises NotFoundError where it heats nobody."""
        place = self.site_place(site_id)
        with self._lock:
            return self._signal(self._now(), place, (), (site_id,), step_s)

    def note(self) -> bytes | None:
        """At the beginning of an hour: hold what was foretold of it against what is, and give the record to be written.

        None where the hour was noted already, or nothing was decided yet. Of each place the lock is taken anew: who
        asks meanwhile waits for one of them, not for all.
        """
        view = self._view()
        if view is None or not self.record.due(view.now_s):
            return None
        places = [(one.name, one.regions, one.sites) for one in self.areas().published]
        places += [(f"site/{site_id}", (), (site_id,)) for site_id in sorted(self._heats)]
        with self._lock:
            issue = self._now()
        foretold: dict[str, tuple[Foretold, ...]] = {}
        for name, regions, sites in places[:MOST_PLACES]:
            with self._lock:
                foretold[name] = self._foretold(issue, name, regions, sites)
        with self._lock:
            self.record.note(issue.view_s, foretold)
            return self.record.document()

    def quality(self, place: str) -> tuple[list[Tally], str, int]:
        """How often the signal of a place came true, by band; the first month that counts; hours nobody looked at."""
        with self._lock:
            return (*self.record.tallies(place), self.record.missed)

    def place_of(self, region: str) -> str:
        """Name of the area that a region is published in; raises NotFoundError where there is none, or withheld."""
        return self._area(region).name

    def site_place(self, site_id: SiteId) -> str:
        """Name of a site's signal; raises NotFoundError where it heats nobody."""
        if site_id not in self._heats:
            raise NotFoundError("signal of site", f"{site_id} (it heats nobody, or there is no such site)")
        return f"site/{site_id}"

    def _foretold(
        self, issue: Issue, name: str, regions: tuple[str, ...], sites: Sequence[SiteId]
    ) -> tuple[Foretold, ...]:
        signal, computed = self._made_of(issue, name, regions, sites, HOUR_S)
        return tuple(
            Foretold(_hour(one.start.timestamp()), one.state, sure, one.confidence)
            for one, sure in zip(signal.steps, computed, strict=True)
        )

    def _area(self, region: str) -> Area:
        areas = self.areas()
        place = areas.place_of.get(region, region)
        area = next((one for one in areas.published if one.name == place), None)
        if area is None:
            withheld = region in areas.place_of
            why = f"{region}, which is withheld: fewer than {self.terms.least_sites} sites of different hosts"
            there = ", ".join(one.name for one in areas.published) or "none is published"
            raise NotFoundError("signal of region", why if withheld else f"{region} (there are: {there})")
        return area

    def _seen(self) -> View:
        view = self._view()
        if view is None:
            raise UnavailableError("There is no heat signal yet: the platform has just begun")
        return view

    def _enough(self) -> bool:
        sites = [site for site in self._fleet.sites if site.id in self._heats]
        return count_hosts(sites, self._hosts_of) >= self.terms.least_sites

    def _now(self) -> Issue:
        view, last = self._seen(), self._issue
        if last is not None and 0.0 <= view.now_s - last.view_s < ISSUE_S and _hour(view.now_s) == _hour(last.view_s):
            return last
        self._issue, self._made = issued(view), {}
        return self._issue

    def _signal(
        self, issue: Issue, name: str, regions: tuple[str, ...], sites: Sequence[SiteId], step_s: float
    ) -> AreaSignal:
        return self._made_of(issue, name, regions, sites, step_s)[0]

    def _made_of(
        self, issue: Issue, name: str, regions: tuple[str, ...], sites: Sequence[SiteId], step_s: float
    ) -> tuple[AreaSignal, tuple[float | None, ...]]:
        key = (f"{name}|{','.join(sites)}", step_s)
        if issue is not self._issue:
            return self._put_together(issue, name, regions, sites, step_s)  # a newer one is in place
        if key not in self._made:
            if step_s != STEP_S:  # the state of now, and since when it holds, is that of quarters
                self._made_of(issue, name, regions, sites, STEP_S)
            self._made[key] = self._put_together(issue, name, regions, sites, step_s)
        return self._made[key]

    def _put_together(
        self, issue: Issue, name: str, regions: tuple[str, ...], sites: Sequence[SiteId], step_s: float
    ) -> tuple[AreaSignal, tuple[float | None, ...]]:
        """The signal, and confidences as they were computed."""
        balance = issue.balance
        row = {site_id: number for number, site_id in enumerate(issue.site_ids)}
        rows = np.array([row[site_id] for site_id in sites], dtype=np.int64)
        watts = area_watts(issue, rows, step_s)
        before = self._before.get(name)
        if before is not None and before.since_s > issue.view_s:
            before = None  # of an earlier life, under another clock
        found = states_of(
            watts.wanted_w, watts.wasted_w, watts.power_w, before, issue.view_s, known_spread=balance.forecast
        )
        if step_s == STEP_S:
            self._before = {**self._before, name: found.before}
        grid = over_steps(issue, self._grid(balance, sites, rows), step_s)
        begins = starts_of(issue, step_s)
        now = self._before.get(name, found.before)
        said = [self._said(issue, name, *one) for one in zip(begins, found.states, found.confidence, strict=False)]
        rounded = _plain if "/" in name else _rounded  # no region has a slash in its name
        steps = tuple(
            SignalStep(
                start=utc(float(begins[k])),
                end=utc(float(begins[k + 1])),
                state=found.states[k],
                confidence=said[k],
                wanted_w=_range(watts.wanted_w[:, k], rounded),
                wasted_w=_range(watts.wasted_w[::-1, k], rounded),
                work_w=rounded(work),
                grid_g_per_kwh=None if math.isnan(grid[k]) else round(float(grid[k]), 1),
            )
            for k, work in enumerate(over_steps(issue, balance.work_w[rows].sum(axis=0), step_s).tolist())
        )
        signal = AreaSignal(
            area=name,
            regions=regions,
            sites=len(sites),
            heat_power_w=rounded(float(balance.power_w[rows].sum())),
            issued_at=utc(issue.view_s),
            valid_until=utc(issue.valid_s),
            carbon_basis="" if self._basis is None else self._basis.name,
            steps=steps,
            since=utc(now.since_s) if now.state is found.states[0] else None,
        )
        return signal, found.confidence

    def _said(self, issue: Issue, name: str, begin_s: float, state: HeatState, computed: float | None) -> float | None:
        """Confidence that is published: what is computed, corrected by what came of the like."""
        if computed is None:
            return None
        lead_h = _hour(begin_s) - _hour(issue.view_s)
        return round(self.record.said(name, lead_h, state, computed), 3)

    def _grid(self, balance: HeatBalance, sites: Sequence[SiteId], rows: Ints) -> Floats:
        """Intensity of an area, by the heat power of its sites [gCO2e/kWh]."""
        weights = np.maximum(balance.power_w[rows], 1e-9)
        counted = np.array(
            [
                [g if self._basis is None or math.isnan(g) else self._basis.g_per_kwh(site_id, g) for g in line]
                for site_id, line in zip(sites, balance.grid_g_per_kwh[rows].tolist(), strict=True)
            ]
        )
        return np.asarray(np.average(counted, axis=0, weights=weights))


def _hour(at_s: float) -> int:
    return int(at_s // HOUR_S)


def _range(levels: Floats, shown: Callable[[float], float]) -> Range:
    low, central, high = (shown(float(levels[at])) for at in (LOW, CENTRAL, HIGH))
    return Range(low=low, central=central, high=high)


def _rounded(power_w: float) -> float:
    """Two digits: more would tell of single appliances, and no forecast is that good."""
    return float(f"{power_w:.2g}") if power_w >= 1.0 else 0.0


def _plain(power_w: float) -> float:
    return round(power_w, 1)
