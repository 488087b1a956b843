"""`ondol site check`: every unit of a site for a while by itself, to see what is wired wrong."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondol.cli.listing import Column, field, note, print_json, print_rows, say
from ondol.cli.output import SHOWN, Out

if TYPE_CHECKING:
    from ondol.agent.commission.finding import Verdict


def check(
    site: str,
    /,
    *,
    fleet: Path,
    data: Path | None = None,
    clock: Path | None = None,
    minutes: float = 360.0,
    quiet_minutes: float = 30.0,
    step_minutes: float = 30.0,
    rest_minutes: float = 20.0,
    backups: bool = False,
    out: Out = SHOWN,
) -> int:
    """Tell what is wired wrong at a site; its agent has to be stopped meanwhile. Exit code 1 where something is.

    All units rest for a while, then each works at full power for a while, within comfort and the hard limits. Power
    caps are put back in the end. Nodes need work to do, for a cap alone heats nothing.

    Parameters
    ----------
    site:
        Id of the site.
    fleet:
        The fleet file with its connections and bindings.
    data:
        Folder of the site's agent on this machine; it is held, so that the agent cannot begin meanwhile.
    clock:
        Clock file of 'ondol sim-site', where that stands in for the site.
    minutes:
        Longest time of all [platform minutes]; units for which none is left are named.
    quiet_minutes:
        Rest before the first step.
    step_minutes:
        Full power of every unit.
    rest_minutes:
        Rest after every step.
    backups:
        You consent to other heaters (boilers, elements, heat pumps) being switched on, each for some minutes.
    """
    from ondol.agent.commission.check import check_recording
    from ondol.agent.commission.trial import Trial, TrialPlan
    from ondol.cli.desk_clock import desk_clock
    from ondol.cli.site_bench import site_bench
    from ondol.model.ids import SiteId
    from ondol.signals.weather import Weather
    from ondol.storage.fleet_file import read_fleet

    part = read_fleet(fleet).of_site(SiteId(site))
    plan = TrialPlan(
        quiet_s=60.0 * quiet_minutes,
        step_s=60.0 * step_minutes,
        rest_s=60.0 * rest_minutes,
        most_s=60.0 * minutes,
        backups=backups,
    )
    with site_bench(part, desk_clock(clock), data) as bench:
        expected_c = Weather.load(part.sites[0].climate).at(bench.now).temp_c
        recording = Trial(bench, part, plan, tell=lambda text: note(text, out)).run()
    verdict = check_recording(recording, part, expected_outdoor_c=expected_c)
    _show(verdict, out)
    return 1 if verdict.findings else 0


def _show(verdict: Verdict, out: Out) -> None:
    if out.json:
        findings: list[dict[str, Any]] = [{"where": one.where, **asdict(one)} for one in verdict.findings]
        print_json({"ok": not findings, "findings": findings, "unjudged": [asdict(one) for one in verdict.unjudged]})
        return
    rows = [
        {"where": one.where, "code": one.code, "sure": one.confidence, "evidence": one.evidence, "todo": one.todo}
        for one in verdict.findings
    ]
    columns = (
        field("WHERE", "where"),
        field("WRONG", "code"),
        Column("SURE", lambda row: f"{100 * row['sure']:.0f} %", right=True),
        field("EVIDENCE", "evidence"),
        field("WHAT TO DO", "todo"),
    )
    print_rows(rows, columns, out=out, key="where", empty="Nothing is wired wrong, as far as could be judged.")
    for one in verdict.unjudged:
        say(f"could not be judged: {one.where}, {one.what}: {one.reason}", out)
