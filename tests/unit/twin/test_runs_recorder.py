"""What a run leaves on disk agrees with the twin that lived it, and its sums with one another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.grain import Grain, grain_of
from ondol.twin.instances import write_instances
from ondol.twin.recorder import COUNTS, POWERS, Recorder
from ondol.twin.runs import Run, prepare
from unit.twin.run_scenarios import write_world

STEP_S, KWH_J = 3600.0, 3.6e6


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return prepare(write_world(tmp_path_factory.mktemp("world")), "greco")


def recorded(run: Run, folder: Path, most_rows: int = 10**6) -> tuple[FleetTwin, pa.Table, pa.Table]:
    twin = FleetTwin(run.scenario, run.series, run.trace, run.policy)
    recorder = Recorder(folder, twin, most_rows=most_rows)
    wrote = []
    while not twin.over:
        twin.live(1)
        wrote.append(recorder.add())
    assert np.flatnonzero(wrote).tolist() == [23, 47, 71]  # a part a day, and nothing kept back at the end
    return twin, *(pq.read_table(sorted((folder / kind).glob("*"))) for kind in ("series", "fleet"))


@pytest.fixture(scope="module")
def lived(world: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[FleetTwin, pa.Table, pa.Table]:
    return recorded(world, tmp_path_factory.mktemp("lived"))


def column(table: pa.Table, name: str) -> np.ndarray:
    return table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)


def test_the_series_of_sinks_add_up_to_the_score(lived: tuple[FleetTwin, pa.Table, pa.Table]) -> None:
    twin, series, _ = lived
    sinks = len(twin.layout.sink_ids)
    for name, of_score in (
        ("heat_w", twin.score.heat_j),
        ("dumped_w", twin.score.dumped_j),
        ("backup_w", twin.score.backup_j),
        ("wanted_w", twin.score.wanted_j),
    ):
        of_series = column(series, name).reshape(-1, sinks).sum(axis=0) * STEP_S
        np.testing.assert_allclose(of_series, of_score, rtol=1e-6, atol=1.0, err_msg=name)
    assert twin.score.heat_j.min() > 0  # nothing was compared with nothing


def test_the_fleet_series_adds_up_to_the_score(lived: tuple[FleetTwin, pa.Table, pa.Table]) -> None:
    twin, series, fleet = lived
    grid = column(fleet, "grid_g_per_kwh") / KWH_J
    electric_j, overflow_j = column(fleet, "electric_w") * STEP_S, column(fleet, "overflow_w") * STEP_S
    assert electric_j.sum() == pytest.approx(twin.score.electric_j, rel=1e-6)
    assert overflow_j.sum() == pytest.approx(twin.score.overflow_j, rel=1e-6)
    assert (electric_j * grid).sum() == pytest.approx(twin.score.electric_g, rel=1e-6)
    for name in POWERS[1:]:
        np.testing.assert_allclose(column(fleet, name), column(series, name).reshape(72, -1).sum(axis=1), rtol=1e-5)
    # The rack's electricity heats nobody: it is in the fleet's and in no sink's.
    of_sinks = column(series, "electric_w").reshape(72, -1).sum(axis=1)
    rack = [unit.startswith("quay-rack") for unit in twin.layout.unit_ids]
    assert sum(rack) == 1
    assert (column(fleet, "electric_w") > of_sinks).all()


def test_times_temperatures_and_counts_are_those_of_the_twin(lived: tuple[FleetTwin, pa.Table, pa.Table]) -> None:
    twin, series, fleet = lived
    times = fleet.column("time").cast(pa.int64()).to_numpy()
    assert np.array_equal(times, 1000 * (int(twin.series.begin_s) + 3600 * np.arange(72)))
    assert str(series.schema.field("time").type) == "timestamp[ms, tz=UTC]"
    last = {row["sink"]: row for row in series.slice(71 * 6).to_pylist()}
    rows = {sink: row for row, sink in enumerate(twin.layout.sink_ids)}
    assert last["home-1-tank"]["temp_c"] == pytest.approx(twin.plant.tanks.state[0, 0], rel=1e-6)
    assert last["home-2-room"]["temp_c"] == pytest.approx(twin.plant.rooms.temp_c()[1], rel=1e-6)
    assert last["home-2-room"]["lower_c"] <= last["home-2-room"]["temp_c"] + 0.01
    assert last["quay-net"]["temp_c"] is None  # a network has none
    assert last["home-1-tank"]["lower_c"] is None
    assert last["quay-basin"]["backup_w"] == pytest.approx(twin.plant.backup_w[rows["quay-basin"]], rel=1e-6)
    end = fleet.slice(71).to_pylist()[0]
    assert end["queued_harvest"] == len(twin.attempts.lines[2])
    assert end["nodes_up"] == twin.machines.up.sum()
    assert sum(end[f"running_{name}"] for name in ("on_demand", "flex", "harvest", "filler")) == len(twin.attempts.held)
    assert {name for name in COUNTS if column(fleet, name).max() > 0} >= {
        "running_on_demand",
        "queued_flex",
        "nodes_up",
    }


@pytest.mark.parametrize(("most_rows", "grain", "rows"), [(300, "site", 3), (150, "entry", 2)])
def test_a_larger_fleet_is_recorded_by_sums(
    world: Run,
    lived: tuple[FleetTwin, pa.Table, pa.Table],
    tmp_path: Path,
    most_rows: int,
    grain: str,
    rows: int,
) -> None:
    _, sums, _ = recorded(world, tmp_path, most_rows)
    _, series, _ = lived
    assert sums.num_rows == 72 * rows
    assert sums.schema.metadata[b"ondol.grain"] == grain.encode()
    assert "temp_c" not in sums.column_names
    for name in POWERS:
        np.testing.assert_allclose(
            column(sums, name).reshape(72, -1).sum(axis=1), column(series, name).reshape(72, -1).sum(axis=1), rtol=1e-5
        )


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-1e6, 1e6)), min_size=1, max_size=30))
def test_sums_by_any_grain_keep_the_whole(cells: list[tuple[int, float]]) -> None:
    grain = Grain(name="site", ids=tuple("abcde"), row=np.array([row for row, _ in cells]))
    values = np.array([value for _, value in cells])
    assert grain.sums(values).sum() == pytest.approx(values.sum(), abs=1e-6)


def test_the_finest_grain_that_fits_is_taken(world: Run) -> None:
    layout = FleetTwin(world.scenario, world.series, world.trace, world.policy).layout
    assert [grain_of(layout, 72, most).name for most in (432, 431, 216, 215, 1)] == [
        "sink",
        "site",
        "site",
        "entry",
        "entry",
    ]


def test_the_instances_tell_what_became_of_each(lived: tuple[FleetTwin, pa.Table, pa.Table], tmp_path: Path) -> None:
    twin, _, _ = lived
    write_instances(tmp_path / "i.parquet", twin)
    rows = pq.read_table(tmp_path / "i.parquet").to_pylist()
    attempts, begin_s = twin.attempts, twin.series.begin_s

    assert [row["id"] for row in rows] == [f"i{k:08d}" for k in range(720)]
    for k, row in enumerate(rows):
        assert row["submitted"].timestamp() == pytest.approx(begin_s + attempts.submitted_s[k], abs=1e-5)
        assert (row["end"] is None) == bool(np.isnan(attempts.end_s[k]))
        assert (row["node"] is None) == (row["attempts"] == 0)
        assert row["site"] is None or row["node"].startswith(row["site"])
        if row["end"] is not None:
            assert row["end"] > row["first_start"] >= row["submitted"]
            assert row["late"] == (
                None if row["deadline"] is None else row["end"].timestamp() > row["deadline"].timestamp() + 1
            )
    assert sum(row["energy_kwh"] for row in rows) == pytest.approx(attempts.energy_j[:720].sum() / KWH_J)
    assert any(row["attempts"] > 1 for row in rows)
    assert {row["service"] for row in rows} == {"on_demand", "flex", "harvest"}
