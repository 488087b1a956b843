"""What the client makes of downloaded results."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from PIL import Image

from ondol.demo import assemble
from ondol.demo.jobs import harvest, inputs, price
from ondol.model.errors import InvalidFieldError, NotFoundError


def frames(folder: Path, numbers: range) -> Path:
    for i in numbers:
        Image.new("RGB", (64, 36), (40 * i % 256, 90, 200)).save(folder / f"frame_{i:04d}.png")
    return folder


@pytest.mark.parametrize("main", ["loop.webp", "loop.gif"])
def test_the_animation_has_every_frame_in_both_kinds(main: str, tmp_path: Path) -> None:
    out = assemble.assemble_animation(frames(tmp_path, range(5)), tmp_path / "out" / main, frame_ms=100)
    assert out == tmp_path / "out" / main
    for kind in (".webp", ".gif"):
        with Image.open(out.with_suffix(kind)) as image:
            assert image.n_frames == 5  # type: ignore[attr-defined]
            assert image.size == (64, 36)
            assert image.info["loop"] == 0


def test_a_missing_frame_stops_the_animation_and_leaves_a_gap_on_the_sheet(tmp_path: Path) -> None:
    frames(tmp_path, range(4))
    (tmp_path / "frame_0002.png").unlink()
    with pytest.raises(NotFoundError, match=r"frame_0002\.png"):
        assemble.assemble_animation(tmp_path, tmp_path / "loop.webp")
    sheet = assemble.contact_sheet(tmp_path, tmp_path / "sheet.png", columns=2, thumb_width=64)
    with Image.open(sheet) as image:
        assert image.size == (2 * 70 + 6, 2 * 42 + 6)
        assert image.getpixel((40, 42 + 6 + 25)) == (24, 20, 24)


def test_no_frames_a_wrong_suffix_and_mixed_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="frame"):
        assemble.contact_sheet(tmp_path, tmp_path / "sheet.png")
    with pytest.raises(InvalidFieldError, match="webp or"):
        assemble.assemble_animation(tmp_path, tmp_path / "loop.mp4")
    frames(tmp_path, range(2))
    Image.new("RGB", (8, 8)).save(tmp_path / "frame_0002.png")
    with pytest.raises(InvalidFieldError, match="one size"):
        assemble.assemble_animation(tmp_path, tmp_path / "loop.gif")


def test_prices_are_weighted_by_paths(tmp_path: Path) -> None:
    for i, (value, error, paths) in enumerate([(10.0, 0.3, 100), (13.0, 0.1, 300)]):
        row = {
            "name": "a",
            "kind": "call",
            "value": value,
            "standard_error": error,
            "paths": paths,
            "closed_form": 12.0,
        }
        content = {"instance": i, "seed": 1, "options": [row]}
        (tmp_path / f"prices_{i}.json").write_text(json.dumps(content), encoding="utf-8")

    (row_found,) = assemble.merge_prices(tmp_path)

    assert row_found.value == pytest.approx(12.25)
    assert row_found.standard_error == pytest.approx(math.hypot(100 * 0.3, 300 * 0.1) / 400)
    assert (row_found.paths, row_found.instances) == (400, 2)
    assert row_found.sigmas_off == pytest.approx(0.25 / row_found.standard_error)


def test_merged_instances_of_the_real_job_agree_with_the_closed_form(tmp_path: Path) -> None:
    seed, _, options = price.read_portfolio(json.dumps(inputs.portfolio()))
    for i in range(3):
        result = price.price_all(seed, 10_000, options, i)
        (tmp_path / f"prices_{i}.json").write_text(json.dumps(result), encoding="utf-8")
    rows = assemble.merge_prices(tmp_path)
    assert [row.name for row in rows] == [option.name for option in options]
    known = [row.sigmas_off for row in rows if row.sigmas_off is not None]
    assert len(known) == 3
    assert all(abs(sigmas) < 4 for sigmas in known)


def test_damaged_repeated_and_foreign_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="prices_"):
        assemble.merge_prices(tmp_path)
    content = {"instance": 0, "seed": 1, "options": [{"name": "a"}]}
    (tmp_path / "prices_0.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "prices_1.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InvalidFieldError, match="no other file"):
        assemble.merge_prices(tmp_path)
    (tmp_path / "prices_1.json").write_text(json.dumps({**content, "instance": 1, "seed": 2}), encoding="utf-8")
    with pytest.raises(InvalidFieldError, match="seed"):
        assemble.merge_prices(tmp_path)
    (tmp_path / "prices_1.json").write_text("{", encoding="utf-8")
    with pytest.raises(InvalidFieldError, match="download it again"):
        assemble.merge_prices(tmp_path)


def test_the_sweep_is_merged_over_all_chunks_of_all_instances(tmp_path: Path) -> None:
    sweep = harvest.read_sweep(json.dumps(inputs.sweep(chunks=2, samples=60)))
    for i in range(2):
        assert harvest.harvest(sweep, i, "f", tmp_path / f"harvest_{i}.json", tmp_path / f"result_{i}.json") == 0

    table = assemble.merge_harvest(tmp_path)

    assert table.chunks == 4
    assert table.simulations == 4 * 60 * 11
    assert list(table.means) == list(harvest.OUTCOMES)
    heat = [row for row in table.rows if row.outcome == "heat_kwh"]
    assert heat[0].trait == "wall_u_w_m2k", "the wall decides most"
    assert [row.total for row in heat] == sorted((row.total for row in heat), reverse=True)
    singles = [
        json.loads((tmp_path / f"result_{i}.json").read_text())["outcomes"]["heat_kwh"]["mean"][0] for i in (0, 1)
    ]
    assert table.means["heat_kwh"][0] == pytest.approx(sum(singles) / 2)
