"""A small world with everything that a run can have, made to live fast: three days in steps of an hour."""

from __future__ import annotations

from pathlib import Path

WORLD = """\
name = "small world"
begin = 2026-01-12T00:00:00Z
days = 3
step_s = 3600
place_s = 900
seed = 7

[work]
source = "csv"
path = "jobs.csv"
on_demand = 0.3
flex = 0.4
harvest = 0.3
flex_slack_h = [2, 6]
with_data = true
datasets = "sizes.json"

[fault]
node_mtbf_h = 40.0
sensor_noise_k = 0.2

[overflow]
nodes = 2

[[site]]
id = "home"
count = 2
cache_bytes = 3e9
[[site.sink]]
kind = "room"
id = "room"
[[site.sink.unit]]
nodes = 2
[[site.sink]]
kind = "tank"
id = "tank"
[[site.sink.unit]]
nodes = 2
case_ua_w_per_k = 1.0

[[site]]
id = "quay"
[[site.sink]]
kind = "pool"
id = "basin"
area_m2 = 20.0
volume_m3 = 20.0
[[site.sink.unit]]
nodes = 3
[[site.sink]]
kind = "network"
id = "net"
base_w = 100.0
slope_w_per_k = 10.0
[[site.sink.unit]]
nodes = 2
[[site.rack]]
nodes = 1
"""


def write_world(folder: Path, text: str = WORLD) -> Path:
    """Write the scenario and its work; gives the scenario's file."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(hour * 3600 + 120 * k, 600 + 1800 * ((hour * 7 + k) % 5)) for hour in range(60) for k in range(12)]
    rows = [f"j{number},{submitted_s},{run_s}" for number, (submitted_s, run_s) in enumerate(jobs)]
    (folder / "jobs.csv").write_text("id,submitted_s,run_s\n" + "\n".join(rows) + "\n", encoding="utf-8")
    sizes = [f'{{"id": "d{k}", "size": {k * 400_000_000}}}' for k in range(1, 6)]
    (folder / "sizes.json").write_text("\n".join(sizes) + "\n", encoding="utf-8")
    file = folder / "world.toml"
    file.write_text(text, encoding="utf-8")
    return file


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its path there."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}
