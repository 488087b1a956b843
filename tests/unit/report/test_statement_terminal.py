from __future__ import annotations

import dataclasses
import io
import json
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from ondol.report import words
from ondol.report.bundle import FleetStatementBundle
from ondol.report.export import statement_json
from ondol.report.terminal import print_statement


def printed(bundle: FleetStatementBundle, width: int = 80) -> str:
    sink = io.StringIO()
    print_statement(bundle, Console(file=sink, width=width, force_terminal=False))
    return sink.getvalue()


@pytest.mark.parametrize("width", [80, 200])
def test_statement_fits_80_columns(bundle: FleetStatementBundle, width: int) -> None:
    assert max(cell_len(line) for line in printed(bundle, width).splitlines()) <= 80


def test_statement_tells_sites_shares_jobs_and_how_it_knows(bundle: FleetStatementBundle) -> None:
    text = re.sub(r"\s+", " ", printed(bundle))
    for said in (
        "Swimming pool Belle Rive",
        "no meter",
        "heat-only",
        "Monte-Carlo pricing",
        "Data centre 100 %",
        "Platform clock 60 × wall time",
        "Data tier T4 (100 % of the electricity)",
        "split by this rule: dynamic by CPU time, idle by reserved slots",
        "éCO2mix average",
        "takes no credit for heat",
        "Not counted: making servers",
        "total at every site",
    ):
        assert said in text


def test_long_names_do_not_break_the_table(bundle: FleetStatementBundle) -> None:
    jobs = tuple(
        dataclasses.replace(job, name="[red]a very long name of a job indeed " * 4) for job in bundle.fleet.jobs
    )
    long = dataclasses.replace(bundle, fleet=dataclasses.replace(bundle.fleet, jobs=jobs))
    text = printed(long)
    assert max(cell_len(line) for line in text.splitlines()) <= 80
    assert "[red]a very" in text  # a name is text, not markup


def test_unknown_is_a_dash_and_zero_is_zero() -> None:
    assert words.number(None) == words.UNKNOWN
    assert words.number(float("nan")) == words.UNKNOWN
    assert words.number(0.0) == "0"
    assert words.number(1234.5) == "1\u00a0234"
    assert words.number(0.012345) == "0.0123"
    assert words.grams(1540.0) == "1.54 kgCO2e"
    assert words.percent(None) == words.UNKNOWN
    assert [words.duration(s) for s in (30, 600, 28_800, 31_500, 864_000)] == [
        "30 s", "10 min", "8 h", "8.8 h", "10 days",
    ]  # fmt: skip


def test_wall_clock_is_said_as_such(bundle: FleetStatementBundle) -> None:
    assert words.clock_note(dataclasses.replace(bundle, clock_rate=1.0)).startswith("Platform clock = wall time")


def test_json_holds_everything_and_unknown_is_null(bundle: FleetStatementBundle) -> None:
    whole = json.loads(statement_json(bundle))
    assert whole["schema"] == "ondol-statement/1"
    statement = whole["statement"]
    assert statement["clock_rate"] == 60.0
    assert statement["sinks"][0]["temp_c"][0] is None
    assert len(statement["runs"]) == len(bundle.runs)
    sites = {site["site_id"]: site["figures"] for site in statement["fleet"]["sites"]}
    assert sites["dc"]["heat"] is None
    assert sites["dc"]["pue"] == pytest.approx(1.4)
    assert sites["dc"]["kwh_by_tier"][0][0] == "T4"
    assert json.loads(statement_json(bundle, with_series=False))["statement"]["sinks"] == []
