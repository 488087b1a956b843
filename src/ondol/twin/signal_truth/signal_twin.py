"""A twin whose heat signal is kept each hour, by the code that makes and records it on the live platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ondol.control.signal_issue import HOUR_S, area_watts, issued, starts_of
from ondol.control.signal_record import MOST_PLACES, Foretold, SignalRecord
from ondol.model.view import Ints
from ondol.policy.contract import Policy
from ondol.policy.heat_states import Before, states_of
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.workload.jobs import Trace

ALL = "all-sites"
MOST_SITES = MOST_PLACES - 1


class SignalTwin(FleetTwin):
    """One run, with a record of its signal; forecasts are issued anew at each full hour, as the live platform's are.

    `record` is the platform's; the places are all sites that heat as one area, and each of the first of them.

    `counts` says whether the days of learning are over.

    Parameters
    ----------
    learn_s : at the beginning; what comes in it is learned from and not counted [s]
    """

    def __init__(
        self, scenario: Scenario, series: Series, trace: Trace, policy: Policy[Any], *, learn_s: float = 0.0
    ) -> None:
        super().__init__(scenario, series, trace, policy)
        self.record = SignalRecord()
        layout = self.layout
        heating = np.unique(layout.unit_site[layout.heats]).astype(np.int64)
        self.places: Mapping[str, Ints] = {
            ALL: heating,
            **{f"site/{layout.site_ids[row]}": np.array([row]) for row in heating[:MOST_SITES].tolist()},
        }
        self._before: dict[str, Before] = {}
        self._learn_s, self.counts = learn_s, learn_s <= 0.0

    def _begin(self, step: int, now_s: float) -> None:
        full = (self.series.begin_s + now_s) % HOUR_S == 0.0
        if full:
            self._next_plan_s = min(self._next_plan_s, now_s)
        super()._begin(step, now_s)
        if full:
            self._note(now_s)

    def _note(self, now_s: float) -> None:
        self.attempts.arrive(now_s)  # what is submitted at this moment is on hand
        issue = issued(self.seeing.view(now_s))
        self.seeing.close()
        begins = starts_of(issue, HOUR_S)
        foretold: dict[str, list[Foretold]] = {}
        hour = int(issue.view_s // HOUR_S)
        for place, rows in self.places.items():
            watts = area_watts(issue, rows, HOUR_S)
            found = states_of(
                watts.wanted_w,
                watts.wasted_w,
                watts.power_w,
                self._before.get(place),
                issue.view_s,
                known_spread=issue.balance.forecast,
            )
            self._before[place] = found.before
            foretold[place] = steps = []
            for begin_s, state, sure in zip(begins, found.states, found.confidence, strict=False):
                at = int(begin_s // HOUR_S)
                said = None if sure is None else self.record.said(place, at - hour, state, sure)
                steps.append(Foretold(at, state, sure, said))
        if not self.counts and now_s >= self._learn_s:
            self.counts = True
            self.record.start_again()
        self.record.note(issue.view_s, foretold)
