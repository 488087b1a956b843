"""The live view fits every terminal, says what matters, and degrades to ASCII and to lines."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from ondol.cli.glyphs import ASCII, UNICODE, Glyphs, glyphs_for
from ondol.cli.screen import Screen
from ondol.cli.screen_draw import draw
from ondol.cli.screen_model import DecisionRow, ScreenModel, SiteRow, Totals
from ondol.cli.screen_parts import gauge
from ondol.cli.screen_plain import DECISIONS_PER_LOOK, PlainLines
from ondol.cli.screen_source import told
from ondol.control.ports import DecisionLine
from unit.cli.screen_samples import AT, sample, sink


def frame(model: ScreenModel, width: int, height: int, glyphs: Glyphs = UNICODE) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, record=True, color_system=None)
    console.print(draw(model, width, height, glyphs))
    return console.export_text().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
def test_a_frame_fits_and_says_what_matters(width: int, height: int) -> None:
    text = "\n".join(frame(sample(), width, height))

    assert len(text.splitlines()) <= height
    assert max(map(len, text.splitlines())) <= width
    for words in ("60 × wall time", "follow", "27.4 °C", "2.61 kW", "47 %", "9/24", "2.71 kWh (84 %)", "0.37 K·h"):
        assert words in text
    for site in ("Piscine du P", "Résidence Vo", "Quai des Bru", "Data centre"):
        assert site in text


def test_where_there_is_room_every_job_has_its_reason() -> None:
    assert "no heat wanted at any site with a free slot" in "\n".join(frame(sample(), 120, 40))


def test_rooms_that_find_no_line_are_summed_the_worst_are_named() -> None:
    text = "\n".join(frame(sample(flats=40), 80, 24))

    assert "more," in text
    assert "Flat 3 " in text  # 0.3 K below its band
    assert "Flat 1 " not in text  # in its band


def test_without_unicode_every_sign_is_ascii() -> None:
    assert all(line.isascii() for line in frame(sample(), 80, 24, ASCII))
    assert glyphs_for("utf-8") is UNICODE
    assert glyphs_for("latin-1") is ASCII
    assert glyphs_for(None) is ASCII


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(80, 180),
    height=st.integers(24, 60),
    flats=st.integers(0, 30),
    jobs=st.integers(0, 12),
    name=st.text(max_size=40),
)
def test_no_model_breaks_the_frame(width: int, height: int, flats: int, jobs: int, name: str) -> None:
    model = sample(flats)
    job = dataclasses.replace(model.jobs[0], name=name, reason=name)
    lines = frame(dataclasses.replace(model, jobs=(job,) * jobs, notes=(name,)), width, height)

    assert len(lines) <= height


def test_an_empty_platform_has_a_frame() -> None:
    model = ScreenModel(at=AT, clock_rate=1.0, policy="fcfs")

    assert any("no jobs yet" in line for line in frame(model, 80, 24))


@given(st.floats(-50, 150))
def test_the_dot_stands_on_the_right_side_of_the_band(temp_c: float) -> None:
    shown = gauge(ASCII, sink("x", temp_c), 15).plain
    begin, end, dot = shown.index("["), shown.index("]"), shown.index("o")

    assert len(shown) == 15
    assert (dot < begin) == (temp_c < 19.5)
    assert (dot > end) == (temp_c > 20.5)


def test_lines_tell_news_once_and_sites_now_and_then() -> None:
    said: list[str] = []
    clock = [0.0]
    lines = PlainLines(UNICODE, said.append, lambda: clock[0])

    lines.show(sample())
    first = len(said)
    lines.show(sample())

    assert sum("site  " in line for line in said) == 4
    assert sum("decision  " in line for line in said) == DECISIONS_PER_LOOK + 1
    assert len(said) == first, "nothing new, nothing said"
    clock[0] = 11.0
    lines.show(sample())
    assert sum("site  " in line for line in said) == 8


def test_lines_tell_a_decision_once_though_the_wait_after_it_is_replaced() -> None:
    # given three starts and a Wait, which says how the queue stands
    def row(second: int, action: str, reason: str) -> DecisionRow:
        return DecisionRow(
            at=dt.datetime(2026, 1, 14, 6, 0, second, tzinfo=dt.UTC), action=action, subject="a", reason=reason
        )

    said: list[str] = []
    lines = PlainLines(ASCII, said.append)
    starts = tuple(row(second, "Start", f"warm {second}") for second in (1, 2, 3))
    lines.show(dataclasses.replace(sample(), decisions=(*starts, row(4, "Wait", "3 in the queue"))))
    said.clear()

    # when the next Wait takes its place, and when nothing is new
    later = dataclasses.replace(sample(), decisions=(*starts, row(5, "Wait", "2 in the queue")))
    lines.show(later)
    lines.show(later)

    # then only that one is told
    assert [line.partition("decision  ")[2] for line in said] == ["Wait a: 2 in the queue"]


def test_lines_tell_each_change_of_a_job() -> None:
    said: list[str] = []
    lines = PlainLines(ASCII, said.append)
    model = sample()
    lines.show(model)
    said.clear()

    lines.show(dataclasses.replace(model, jobs=(dataclasses.replace(model.jobs[0], state="Success", done=24),)))

    assert len(said) == 1
    assert said[0].startswith("Wed 07:32:10  job       render animation (flex): Success, 24 of 24 done at Piscine")
    assert said[0].endswith("x3, Quai des Brumes x2")


def test_a_screen_without_a_terminal_writes_lines_and_outlives_a_bad_source() -> None:
    out = io.StringIO()
    looked = threading.Event()
    calls = [0]

    def source() -> ScreenModel:
        calls[0] += 1
        if calls[0] == 1:
            raise RuntimeError("not yet")
        looked.set()
        row = DecisionRow(at=AT + dt.timedelta(minutes=calls[0]), action="Start", subject="a → b", reason="warm")
        return dataclasses.replace(sample(), decisions=(row,))

    screen = Screen(source, console=Console(file=out))
    with screen:
        assert screen.plain
        assert looked.wait(10)

    assert "decision  Start a -> b: warm" in out.getvalue().replace("→", "->")


def test_a_picture_is_left_behind_at_the_end() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=24, color_system=None, legacy_windows=False)
    looked = threading.Event()

    def source() -> ScreenModel:
        looked.set()
        return sample()

    with Screen(source, plain=False, console=console):
        assert looked.wait(10)

    left = out.getvalue().rpartition("\x1b[?1049l")[2]
    assert "Last decisions" in left


def test_a_site_without_heat_use_says_so() -> None:
    model = dataclasses.replace(sample(), sites=(SiteRow(name="DC", power_w=500.0),), totals=Totals(power_w=500.0))

    assert any("no heat use" in line and "500 W" in line for line in frame(model, 80, 24))


def test_names_have_the_room_that_they_need() -> None:
    place = dataclasses.replace(sink("Preheat tank of the house", 45.0))
    site = SiteRow(name="Residence of eight studios", power_w=500.0, sinks=(place,))
    model = dataclasses.replace(sample(), sites=(site, *sample().sites))

    for width in (116, 120, 160, 200):
        (line,) = [line for line in frame(model, width, 40) if "Preheat tank of the house" in line]
        assert "Residence of eight studios" in line


def test_only_the_last_of_waits_in_a_row_is_told() -> None:
    words = ["Wait", "Wait", "Start", "Wait", "Wait", "Wait"]
    lines = [DecisionLine(at=AT, action=action, subject=str(number), reason="") for number, action in enumerate(words)]

    assert [line.subject for line in told(lines)] == ["1", "2", "5"]
    assert told(lines[:1]) == lines[:1]
    assert told([]) == []
