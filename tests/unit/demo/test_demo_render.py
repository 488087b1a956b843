"""The ray tracer: exact hits, a closed loop, the same bytes again, and messages that name the key."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ondol.demo.jobs import inputs, render


def small_scene() -> dict[str, Any]:
    return inputs.scene(width=64, height=36, samples=1)


def run(folder: Path, content: str, monkeypatch: pytest.MonkeyPatch, frame: str = "1", count: str = "4") -> int:
    (folder / "scene.json").write_text(content, encoding="utf-8")
    monkeypatch.setenv("INSTANCE_ID", frame)
    monkeypatch.setenv("INSTANCE_COUNT", count)
    monkeypatch.setenv("QARNOT_RESULTS_DIRECTORY", str(folder))
    return render.main([str(folder / "scene.json")])


def test_a_frame_is_a_picture_and_the_same_bytes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, json.dumps(small_scene()), monkeypatch) == 0
    first = (tmp_path / "frame_0001.png").read_bytes()
    assert run(tmp_path, json.dumps(small_scene()), monkeypatch) == 0

    assert (tmp_path / "frame_0001.png").read_bytes() == first
    with Image.open(io.BytesIO(first)) as image:
        assert image.size == (64, 36)
        levels = np.asarray(image.convert("RGB")).astype(float)
    assert levels.std() > 20, "a picture with light and shade"
    assert levels[..., 0].mean() > levels[..., 2].mean(), "dawn is warm"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["frame_0001.png", "scene.json"], "no part file is left"
    assert "progress 100 %" in capsys.readouterr().out


def test_png_carries_the_pixels_exactly() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(render.png(picture))) as image:
        assert np.array_equal(np.asarray(image), picture)


def test_the_loop_is_seamless() -> None:
    """What moves is at t = 1 where it was at t = 0; the lights have moved on by whole places."""
    text = json.dumps(small_scene())
    start, end = render.read_scene(text, 0.0), render.read_scene(text, 1.0)
    for field in fields(render.Scene):
        if field.name not in {"time", "balls"}:
            assert np.allclose(getattr(start, field.name), getattr(end, field.name), atol=1e-5), field.name
    order = [np.lexsort(np.round(s.balls.centre, 3)) for s in (start, end)]
    assert np.allclose(start.balls.centre[:, order[0]], end.balls.centre[:, order[1]], atol=1e-4)
    begin, close = (render.render(s, say=lambda *_a, **_k: None).astype(int) for s in (start, end))
    assert np.abs(begin - close).mean() < 0.5


def test_rays_meet_a_ball_where_geometry_says() -> None:
    content = small_scene()
    content["spheres"] = [{"centre": [5.0, 2.0, 0.0], "radius": 0.5, "colour": [1, 1, 1], "mirror": 0}]
    content["work"]["count"] = 0
    scene = render.read_scene(json.dumps(content), 0.0)
    start = np.array([[5, 2, 9], [9, 5, 0], [0, 1, 5]], np.float32).T
    way = np.array([[0, 0, -1], [0, -1, 0], [0, 0, -1]], np.float32).T

    near, what = render.meet(scene, start, way)

    assert what.tolist() == [render.BALL, render.GROUND, render.BOILER]
    assert near == pytest.approx([8.5, 5.0, 5 - 0.72], abs=1e-4)


def test_shadow_is_half_at_the_rim_and_whole_behind() -> None:
    content = small_scene()
    content["spheres"] = [{"centre": [0.0, 5.0, 0.0], "radius": 1.0, "colour": [1, 1, 1], "mirror": 0}]
    scene = render.read_scene(json.dumps(content), 0.0)
    point = np.array([[0, 0, 0], [1, 0, 0], [3, 0, 0]], np.float32).T
    up = np.broadcast_to(np.array([[0], [1], [0]], np.float32), (3, 3))
    assert render._shade(scene, point, up, render.FAR, 0.03) == pytest.approx([0.0, 0.5, 1.0], abs=1e-5)


def change(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def apply(content: Any) -> None:
        *way, last = path.split(".")
        for key in way:
            content = content[int(key)] if isinstance(content, list) else content[key]
        content[last] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("camera.fov_deg", "wide", "camera.fov_deg = 'wide'"),
        ("camera.fov_deg", math.nan, "camera.fov_deg"),
        ("image.width", 10**9, "image.width"),
        ("image.samples", True, "image.samples"),
        ("spheres.2.centre", [0, 1], "spheres[2].centre"),
        ("spheres.0.colour", [0, 1, "x"], "spheres[0].colour[2]"),
        ("sun", 3, "sun = 3"),
        ("work.colour", 1, "work.colour is not a key"),
        ("spheres", "many", "spheres = 'many'"),
    ],
)
def test_a_bad_scene_ends_with_2_and_names_the_key(
    *,
    path: str,
    value: object,
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = small_scene()
    change(path, value)(content)
    assert run(tmp_path, json.dumps(content), monkeypatch) == 2
    assert named in capsys.readouterr().err


def test_missing_key_broken_json_and_wrong_instance_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = small_scene()
    del content["pool"]["radius"]
    assert run(tmp_path, json.dumps(content), monkeypatch) == 2
    assert "pool.radius is missing" in capsys.readouterr().err
    assert run(tmp_path, "{", monkeypatch) == 2
    assert "not valid JSON" in capsys.readouterr().err
    assert run(tmp_path, json.dumps(small_scene()), monkeypatch, frame="4") == 2
    assert "INSTANCE_ID = 4" in capsys.readouterr().err
    assert render.main([str(tmp_path / "nowhere.json")]) == 2


def test_a_folder_that_is_not_there_ends_with_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scene.json").write_text(json.dumps(small_scene()), encoding="utf-8")
    monkeypatch.setenv("INSTANCE_ID", "0")
    monkeypatch.setenv("INSTANCE_COUNT", "1")
    monkeypatch.setenv("QARNOT_RESULTS_DIRECTORY", str(tmp_path / "gone"))
    assert render.main([str(tmp_path / "scene.json")]) == 3
