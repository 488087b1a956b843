"""Given nothing but the installation, when `ondol demo` runs, then a newcomer holds pictures and a statement."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from ondol.cli.main import run
from ondol.demo.client import FRAMES


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    out = tmp_path_factory.mktemp("demo") / "out"
    begun_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "ondol.cli.main", "demo", "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    wall_s = time.monotonic() - begun_s
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return out, done.stdout, wall_s


pytestmark = pytest.mark.timeout(330)


def test_it_is_over_within_three_minutes(demo: tuple[Path, str, float]) -> None:
    assert demo[2] <= 180.0


def test_frames_are_pictures_and_the_animation_plays(demo: tuple[Path, str, float]) -> None:
    frames = sorted((demo[0] / "frames").glob("frame_*.png"))
    assert len(frames) == FRAMES
    with Image.open(frames[0]) as first, Image.open(demo[0] / "animation.gif") as animation:
        assert first.width >= 480
        assert len({colour for _, colour in first.convert("RGB").getcolors(1 << 20) or []}) > 5_000, "a real picture"
        assert animation.n_frames == FRAMES


def test_prices_have_error_bars_and_agree_with_closed_forms(demo: tuple[Path, str, float]) -> None:
    prices = json.loads((demo[0] / "prices.json").read_text())
    assert len(prices) == 5
    for price in prices:
        assert 0 < price["standard_error"] < 0.02
        if price["closed_form"] is not None:
            assert abs(price["value"] - price["closed_form"]) < 5 * price["standard_error"]


def test_the_statement_is_one_file_that_needs_nothing_from_outside(demo: tuple[Path, str, float]) -> None:
    page = (demo[0] / "statement.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert not re.search(r"""(?:src|href)\s*=\s*["']https?://""", page)
    assert "60" in page
    assert "wall time" in page
    figures = json.loads((demo[0] / "summary.json").read_text())
    assert figures["hours"] == pytest.approx(100 / 60, abs=0.02)
    assert 4.0 < figures["useful_heat_kwh"] < figures["electricity_kwh"] < 15.0
    assert figures["discomfort_kh"] < 6.0


def test_the_account_by_the_standards_is_of_the_same_morning_and_says_more(demo: tuple[Path, str, float]) -> None:
    account = json.loads((demo[0] / "account.json").read_text())
    morning = json.loads((demo[0] / "summary.json").read_text())
    figures = {section: {key: one["value"] for key, one in of.items()} for section, of in account["figures"].items()}
    assert figures["energy"]["total_kwh"] == pytest.approx(morning["electricity_kwh"], rel=1e-9)
    assert figures["grid"]["location_hourly_g"] == pytest.approx(morning["co2e_g"], rel=1e-9)
    inventory = figures["inventory"]
    assert inventory["embodied_g"] > 0.0
    assert inventory["total_g"] == pytest.approx(inventory["operational_g"] + inventory["embodied_g"], rel=1e-9)
    assert inventory["total_g"] > morning["co2e_g"]
    assert figures["sci"]["units"] == 3.0
    said = " ".join(demo[1].split())
    assert "without credit for heat" in said
    assert "a task (SCI)" in said
    page = (demo[0] / "account.html").read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)\s*=\s*["']https?://""", page)


def test_what_cannot_wait_runs_within_five_seconds(demo: tuple[Path, str, float]) -> None:
    said = re.search(r"on-demand work runs ([\d.]+) s after its submission", demo[1])
    assert said is not None
    assert float(said[1]) <= 5.0


def test_its_ledger_agrees_and_its_ticks_replay(demo: tuple[Path, str, float]) -> None:
    platform = demo[0] / "platform"
    assert run(["ledger", "check", "--data", str(platform)]) == 0
    assert run(["replay", str(platform / "ticks.gz")]) == 0
