from __future__ import annotations

import dataclasses
import datetime as dt
import re
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import pytest

from ondol.accounting.conservation import Finding
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SinkId, SiteId
from ondol.report.bundle import FleetStatementBundle, SinkSeries
from ondol.report.html import statement_html, write_statement_html

FORBIDDEN = ("carbon-negative", "carbon negative", "free heat", "zero emission", "zero-emission", "carbon neutral")
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Ids, and whether every element that opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.titles = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.titles += tag == "title"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]


@pytest.fixture(scope="module")
def page(bundle: FleetStatementBundle) -> str:
    return statement_html(bundle)


def test_page_is_one_file_that_needs_nothing_else(page: str) -> None:
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page


def test_page_is_well_formed_and_its_ids_are_unique(page: str) -> None:
    parsed = Page()
    parsed.feed(page)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    references = set(re.findall(r'(?:href="|url\()#([^")]+)', page))
    assert references <= set(parsed.ids)


def test_drawings_take_their_colours_from_the_page(page: str) -> None:
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    assert "var(--ink)" in drawn
    assert "#fe00" not in drawn
    assert set(re.findall(r"var\((--\w+)\)", page)) <= set(re.findall(r"(--\w+):", page))


def test_every_run_shows_its_reason_on_hover(page: str, bundle: FleetStatementBundle) -> None:
    parsed = Page()
    parsed.feed(page)
    assert parsed.titles == len(bundle.runs) + 1  # and the page's own
    assert page.count("Why here: ") == len(bundle.runs)


def test_page_says_what_it_must_and_nothing_forbidden(page: str) -> None:
    for said in (
        "60 × wall time",
        "tier T4",
        "factor of 2 either way",
        "takes no credit for heat",
        "Not counted: making servers",
        "No heat meter at: Data centre",
        "no heat meter",
        "jobs + heat-only + idle + overhead = total at every site",
        "policy <b>follow</b>",
        "temperature, °C",
        "Weather: made up for this test.",
    ):
        assert said in page
    assert not [word for word in FORBIDDEN if word in page.lower()]
    assert "nan" not in re.findall(r">([^<]*)<", page)


def test_text_of_users_cannot_become_markup(bundle: FleetStatementBundle) -> None:
    evil = "<script>alert('&')</script> $\\frac{"
    runs = tuple(dataclasses.replace(run, task_name=evil, reason=evil, site_name=evil) for run in bundle.runs[:4])
    text = statement_html(dataclasses.replace(bundle, title=evil, runs=runs, sinks=(), units=()))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_a_bare_statement_and_broken_ledger_are_shown_too(bundle: FleetStatementBundle) -> None:
    findings = (Finding(kind="gap", subject="n1", detail="a minute is missing"),)
    text = statement_html(dataclasses.replace(bundle, sinks=(), units=(), runs=(), findings=findings))
    assert "does not add up" in text
    assert "a minute is missing" in text
    assert "Where and when each job ran" not in text


def test_drawing_leaves_no_trace_and_is_the_same_each_time(bundle: FleetStatementBundle) -> None:
    small = dataclasses.replace(bundle, sinks=bundle.sinks[:1], units=bundle.units[:1], runs=bundle.runs[:3])
    before = dict(mpl.rcParams)
    assert statement_html(small) == statement_html(small)
    assert dict(mpl.rcParams) == before


def test_file_is_written_with_its_folder(bundle: FleetStatementBundle, tmp_path: Path) -> None:
    target = tmp_path / "out" / "statement.html"
    write_statement_html(target, dataclasses.replace(bundle, sinks=(), units=(), runs=()))
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_bundle_refuses_uneven_columns_and_empty_spans(bundle: FleetStatementBundle) -> None:
    with pytest.raises(InvalidFieldError, match="one for each time"):
        SinkSeries(
            sink_id=SinkId("s"),
            name="s",
            site_id=SiteId("x"),
            site_name="x",
            times=(dt.datetime(2026, 1, 1, tzinfo=dt.UTC),),
            temp_c=(),
            setpoint_c=(1.0,),
            lower_c=(1.0,),
            upper_c=(1.0,),
        )
    with pytest.raises(InvalidFieldError, match="clock_rate"):
        dataclasses.replace(bundle, clock_rate=0.0)
    with pytest.raises(InvalidFieldError, match="end"):
        dataclasses.replace(bundle, end=bundle.start)
