"""The sweep: known sensitivity indices, the flat's heat balance, checkpoints that fit or are left alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ondol.demo.jobs import harvest, inputs


def small_sweep(chunks: int = 2, samples: int = 8) -> harvest.Sweep:
    return harvest.read_sweep(json.dumps(inputs.sweep(chunks=chunks, samples=samples)))


def test_indices_of_the_ishigami_function() -> None:
    """Ishigami & Homma (1990), a = 7, b = 0.1: S = 0.3139, 0.4424, 0 and T = 0.5576, 0.4424, 0.2437."""
    x = (2 * harvest.draws(np.random.default_rng(2), 20_000, 3) - 1) * np.pi
    y = np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0])
    mean, variance, *shares = harvest.indices(y, 3)
    assert mean == pytest.approx(3.5, abs=0.05)
    assert variance == pytest.approx(13.845, rel=0.02)
    assert shares == pytest.approx([0.3139, 0.4424, 0, 0.5576, 0.4424, 0.2437], abs=0.03)


def test_an_outcome_that_never_varies_has_no_sensitivity() -> None:
    assert harvest.indices(np.full(5 * 4, 3.0), 3) == [3.0, 0.0] + [0.0] * 6


def test_steady_cold_takes_what_the_walls_let_through() -> None:
    """No sun, no gains, constant cold: heat over the week = UA · ΔT, with the wall behind its surface resistance."""
    content = inputs.sweep(weather={"outdoor_c": [0.0] * 600, "sun_w_m2": [0.0] * 600})
    sweep = harvest.read_sweep(json.dumps(content))
    traits = np.array([[0.5], [1.5], [0.5], [0.5], [80.0], [20.0], [0.0], [0.0], [9000.0]])
    coupling, wall = 3.45 * 4.5 * 60, 0.5 * 45
    conductance = 1.5 * 9 + 0.34 * 0.5 * 150 + 1 / (1 / coupling + 1 / wall)

    heat_kwh, full_load_hours, cold = harvest.simulate(sweep, traits)[:, 0]

    assert heat_kwh == pytest.approx(conductance * 20 * 0.6, rel=0.005)
    assert full_load_hours == pytest.approx(heat_kwh / 9.0)
    assert cold == pytest.approx(0, abs=1e-9)


def test_a_heater_too_small_runs_all_week_and_leaves_cold() -> None:
    content = inputs.sweep(weather={"outdoor_c": [-20.0] * 168, "sun_w_m2": [0.0] * 168})
    sweep = harvest.read_sweep(json.dumps(content))
    traits = np.array([[1.6], [3.0], [0.5], [0.9], [80.0], [22.0], [0.0], [2.0], [500.0]])
    heat_kwh, full_load_hours, cold = harvest.simulate(sweep, traits)[:, 0]
    assert heat_kwh == pytest.approx(0.5 * 168)
    assert full_load_hours == pytest.approx(168)
    assert cold > 1000


def test_a_stop_gives_the_running_chunk_up() -> None:
    with pytest.raises(harvest.Interrupted):
        harvest.run_chunk(small_sweep(), 0, 0, lambda: True)


def test_a_chunk_depends_on_its_number_and_instance_only() -> None:
    sweep = small_sweep()
    first = harvest.run_chunk(sweep, 0, 1, lambda: False)
    assert harvest.run_chunk(sweep, 0, 1, lambda: False) == first
    assert harvest.run_chunk(sweep, 0, 0, lambda: False) != first
    assert harvest.run_chunk(sweep, 1, 1, lambda: False) != first


@pytest.mark.parametrize("content", ["", "{", '{"fingerprint": "another", "chunks": [[[1.0]]]}', "[]"])
def test_a_checkpoint_that_does_not_fit_is_left_alone(content: str, tmp_path: Path) -> None:
    sweep, checkpoint, target = small_sweep(chunks=1), tmp_path / "harvest_0.json", tmp_path / "result_0.json"
    checkpoint.write_text(content, encoding="utf-8")
    assert harvest.harvest(sweep, 0, "mine", checkpoint, target) == 0
    assert json.loads(checkpoint.read_text(encoding="utf-8"))["fingerprint"] == "mine"
    assert json.loads(target.read_text(encoding="utf-8"))["simulations"] == 8 * 11


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"chunks": 0}, "chunks = 0"),
        ({"chunk": 1}, "sweep.chunk is not a key"),
        ({"traits": {"wall_u_w_m2k": [2, 1]}}, "traits.wall_u_w_m2k[1] = 1"),
        ({"flat": {}}, "flat.floor_area_m2 = None"),
        ({"weather": {"outdoor_c": [0.0] * 24, "sun_w_m2": [0.0] * 25}}, "weather.sun_w_m2 has 25 hours"),
        ({"weather": {"outdoor_c": [0.0] * 23 + ["x"], "sun_w_m2": []}}, "weather.outdoor_c[23] = 'x'"),
    ],
)
def test_a_bad_sweep_ends_with_2_and_names_the_key(
    change: dict[str, object], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sweep.json"
    file.write_text(json.dumps({**inputs.sweep(), **change}), encoding="utf-8")
    assert harvest.main([str(file)]) == 2
    assert named in capsys.readouterr().err
