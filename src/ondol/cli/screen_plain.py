"""The live view where there is no terminal: one line per thing that happens, and a look at the sites now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

from ondol.cli.glyphs import Glyphs
from ondol.cli.screen_model import Comfort, DecisionRow, JobRow, ScreenModel, SinkRow, SiteRow
from ondol.cli.wording import energy, power, temperature

SITES_EVERY_S = 10.0  # wall time
DECISIONS_PER_LOOK = 2  # more at once are counted
_SIGN = {Comfort.BELOW: "below", Comfort.ABOVE: "above", Comfort.UNKNOWN: "no sensor", Comfort.IN_BAND: "ok"}
_NAMED_SINKS = 2


class PlainLines:
    """Writes what is new in each picture.

    Parameters
    ----------
    write : takes one line
    clock_s : monotonic wall time [s]
    """

    def __init__(
        self, glyphs: Glyphs, write: Callable[[str], None], clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._glyphs, self._write, self._clock_s = glyphs, write, clock_s
        self._sites_s = float("-inf")
        self._jobs: dict[str, tuple[str, int]] = {}
        self._notes: set[str] = set()
        self._decided: frozenset[DecisionRow] = frozenset()

    def show(self, model: ScreenModel, *, at_end: bool = False) -> None:
        """Write the lines that a picture adds.

        Parameters
        ----------
        at_end : look at the sites once more
        """
        stamp = f"{model.at.astimezone(ZoneInfo(model.timezone)):%a %H:%M:%S}"
        for note in model.notes:
            if note not in self._notes:
                self._notes.add(note)
                self._say(stamp, f"note      {note}")
        for job in model.jobs:
            self._show_job(stamp, job)
        self._show_decisions(model)
        if at_end or self._clock_s() - self._sites_s >= SITES_EVERY_S:
            self._sites_s = self._clock_s()
            for site in model.sites:
                self._say(stamp, f"site      {_site_words(site)}")
            self._say(stamp, f"fleet     {_total_words(model)}")

    def _show_job(self, stamp: str, job: JobRow) -> None:
        if self._jobs.get(job.task_id) == (job.state, job.done):
            return
        was = self._jobs.get(job.task_id)
        self._jobs[job.task_id] = (job.state, job.done)
        if was is not None and was[0] == job.state and job.done * 10 // job.total == was[1] * 10 // job.total:
            return  # of many instances every tenth part is told
        where = f" at {job.place}" if job.place else ""
        self._say(stamp, f"job       {job.name} ({job.service}): {job.state}, {job.done} of {job.total} done{where}")

    def _show_decisions(self, model: ScreenModel) -> None:
        # by time: a Wait told before is gone from the picture once another one followed it
        last = max((row.at for row in self._decided), default=None)
        fresh = [row for row in model.decisions if last is None or (row.at >= last and row not in self._decided)]
        if not fresh:
            return
        self._decided = frozenset(model.decisions)
        if len(fresh) > DECISIONS_PER_LOOK:
            zone = ZoneInfo(model.timezone)
            left_out = len(fresh) - DECISIONS_PER_LOOK
            self._say(f"{fresh[0].at.astimezone(zone):%a %H:%M:%S}", f"decision  {left_out} more, the last:")
        for row in fresh[-DECISIONS_PER_LOOK:]:
            stamp = f"{row.at.astimezone(ZoneInfo(model.timezone)):%a %H:%M:%S}"
            self._say(stamp, f"decision  {row.action} {row.subject}: {row.reason}")

    def _say(self, stamp: str, words: str) -> None:
        self._write(self._glyphs.text(f"{stamp}  {words}"))


def _site_words(site: SiteRow) -> str:
    if not site.sinks:
        return f"{site.name}: {power(site.power_w)}, no heat use"
    if len(site.sinks) <= _NAMED_SINKS:
        places = "; ".join(_sink_words(sink) for sink in site.sinks)
    else:
        temps = sorted(sink.temp_c for sink in site.sinks if sink.temp_c is not None)
        inside = sum(sink.comfort is Comfort.IN_BAND for sink in site.sinks)
        span = f"{temps[0]:.1f} to {temperature(temps[-1])}" if temps else "no sensor"
        places = f"{span}, {inside} of {len(site.sinks)} in band"
    return f"{site.name}: {places}; wanted {power(site.wanted_w)}, has {power(site.power_w)}"


def _sink_words(sink: SinkRow) -> str:
    band = f"{sink.lower_c:.1f}–{temperature(sink.upper_c)}"
    return f"{sink.name} {temperature(sink.temp_c)} ({band}: {_SIGN[sink.comfort]})"


def _total_words(model: ScreenModel) -> str:
    sums = model.totals
    words = f"{power(sums.power_w)}, {energy(sums.energy_kwh)} so far, {energy(sums.useful_heat_kwh)} of useful heat"
    return words if sums.discomfort_kh is None else f"{words}, discomfort {sums.discomfort_kh:.2f} K·h"
