"""The scripts as nodes run them: bare copies in a folder, plain processes, stopped and killed at any moment."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ondol.demo.jobs import inputs


def start(job: inputs.DemoJob, folder: Path, checkpoints: Path) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    shutil.copy(job.script, folder)
    (folder / job.input_name).write_bytes(job.input_bytes)
    env = {
        "PATH": os.environ["PATH"],
        "INSTANCE_ID": "1",
        "INSTANCE_COUNT": "2",
        "QARNOT_RESULTS_DIRECTORY": str(folder),
        "QARNOT_RESOURCES_DIRECTORY": str(folder),
        "ONDOL_CHECKPOINT_DIR": str(checkpoints),
    }
    command = [sys.executable, "-I", job.script.name, job.input_name]
    return subprocess.Popen(command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(process: subprocess.Popen[str], wait_s: float = 60) -> str:
    """Output of a process; killed if it outlives the wait."""
    try:
        return process.communicate(timeout=wait_s)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]


@pytest.mark.parametrize(
    ("job", "result"),
    [
        (inputs.render_job(inputs.scene(width=96, height=54, samples=1)), "frame_0001.png"),
        (inputs.price_job(inputs.portfolio(pairs=2000)), "prices_1.json"),
        (inputs.harvest_job(inputs.sweep(chunks=2, samples=20)), "result_1.json"),
    ],
    ids=lambda value: value.key if isinstance(value, inputs.DemoJob) else "",
)
def test_each_script_runs_alone_in_its_folder(job: inputs.DemoJob, result: str, tmp_path: Path) -> None:
    checkpoints = tmp_path / "kept"
    checkpoints.mkdir()
    process = start(job, tmp_path / "work", checkpoints)
    output = finish(process)
    assert process.returncode == 0, output
    assert "progress 100 %" in output
    assert [path.name for path in (tmp_path / "work").glob(job.result_glob)] == [result]
    assert not list((tmp_path / "work").glob(".*"))


def test_sigterm_saves_what_is_finished_and_ends_with_143(tmp_path: Path) -> None:
    job = inputs.harvest_job(inputs.sweep(chunks=1000, samples=200))
    process = start(job, tmp_path / "work", tmp_path)
    assert process.stdout is not None
    try:
        while "chunk 0 done" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=3)[0]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 143
    told = re.search(r"stopped with (\d+) of 1000 chunks saved", output)
    assert told is not None
    saved = json.loads((tmp_path / "harvest_1.json").read_text(encoding="utf-8"))
    assert len(saved["chunks"]) == int(told[1]) >= 1
    assert not (tmp_path / "work" / "result_1.json").exists()


def test_a_sweep_stopped_and_killed_at_random_moments_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    job = inputs.harvest_job(inputs.sweep(chunks=8, samples=400))
    calm = tmp_path / "calm"
    calm.mkdir()
    whole = start(job, tmp_path / "whole", calm)
    assert "wrote result_1.json" in finish(whole)
    kept = tmp_path / "kept"
    kept.mkdir()
    moments = random.Random(11)
    codes, done = [], []

    for attempt in range(60):
        process = start(job, tmp_path / f"attempt-{attempt}", kept)
        try:
            process.wait(timeout=moments.uniform(0.05, 0.4 + 0.05 * attempt))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL if attempt % 2 else signal.SIGTERM)
        output = finish(process, wait_s=10)
        codes.append(process.returncode)
        done += re.findall(r"chunk (\d+) done", output)
        if process.returncode == 0:
            break

    assert codes[-1] == 0, codes
    assert len(codes) > 2, "it was stopped"
    assert set(codes[:-1]) <= {143, -signal.SIGKILL, -signal.SIGTERM}, "SIGTERM itself only before Python was up"
    assert len(done) == len(set(done)), "no finished chunk is repeated"
    mine = tmp_path / f"attempt-{len(codes) - 1}" / "result_1.json"
    assert mine.read_bytes() == (tmp_path / "whole" / "result_1.json").read_bytes()
