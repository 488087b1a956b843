"""Default inputs of the demonstration's jobs, and what a client uploads for each.

>>> [job.key for job in all_jobs()]
['render', 'price', 'harvest']
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class DemoJob:
    """One kind of work: the script and the input to upload, and the pattern of the results that come back."""

    key: str
    script: Path
    input_name: str
    content: dict[str, Any]
    result_glob: str

    @property
    def input_bytes(self) -> bytes:
        """The input file as it is uploaded."""
        return (json.dumps(self.content, indent=1) + "\n").encode()

    def command(self, python: str = "python3") -> str:
        """What an instance runs in its working directory; ``python`` must have numpy."""
        return f"{python} {self.script.name} {self.input_name}"


def scene(*, width: int = 544, height: int = 306, samples: int = 2) -> dict[str, Any]:
    """The animation's scene: sizes in metres, colours linear RGB, ``samples`` × ``samples`` rays a pixel."""
    stones: list[tuple[list[float], float, list[float], float]] = [
        ([2.6, 0.5, 1.9], 0.5, [0.86, 0.84, 0.80], 0.0),  # white porcelain, a moon jar
        ([-3.0, 0.62, 0.3], 0.62, [0.92, 0.93, 0.95], 0.95),  # polished steel
        ([-1.7, 0.36, 2.7], 0.36, [0.34, 0.52, 0.42], 0.05),  # celadon
        ([3.3, 0.42, -0.6], 0.42, [0.95, 0.62, 0.36], 0.9),  # brass
        ([0.75, 0.24, 2.95], 0.24, [0.05, 0.05, 0.06], 0.1),  # obsidian
        ([-2.4, 0.45, -2.6], 0.45, [0.70, 0.22, 0.12], 0.0),  # red clay
    ]
    return {
        "seed": 7,
        "image": {"width": width, "height": height, "samples": samples},
        "camera": {
            "target": [0, 1.25, 0],
            "distance": 8.0,
            "height": 2.0,
            "bearing_deg": 20,
            "sway_deg": 22,
            "lift": 0.3,
            "fov_deg": 37,
        },
        "sun": {"bearing_deg": 218, "elevation_deg": 7, "colour": [2.3, 1.15, 0.52]},
        "boiler": {"radius": 0.72, "height": 1.75, "rings": 7, "glow": [5.2, 1.9, 0.45]},
        "pool": {"radius": 2.3},
        "spheres": [{"centre": c, "radius": r, "colour": rgb, "mirror": m} for c, r, rgb, m in stones],
        "work": {"count": 20, "steps": 2, "size": 0.07, "cool": [0.08, 0.9, 2.4], "warm": [3.2, 1.1, 0.2]},
        "steam": {"puffs": 46, "density": 0.26},
    }


def portfolio(*, pairs: int = 1_600_000) -> dict[str, Any]:
    """Five options on prices around 100, at 3 % a year; ``pairs`` antithetic pairs of paths each."""
    base = {"spot": 100.0, "rate": 0.03, "years": 1.0}
    single = {**base, "volatility": 0.25}
    return {
        "seed": 20_260_115,
        "pairs": pairs,
        "options": [
            {"name": "European call", "kind": "call", "strike": 105.0, **single},
            {"name": "European put", "kind": "put", "strike": 95.0, **single},
            {"name": "Asian call", "kind": "asian_call", "strike": 100.0, "dates": 12, **single},
            {
                "name": "Up-and-out call",
                "kind": "up_out_call",
                "strike": 100.0,
                "barrier": 140.0,
                "dates": 12,
                **single,
            },
            {
                "name": "Basket call",
                "kind": "basket_call",
                "strike": 100.0,
                "weights": [0.4, 0.3, 0.2, 0.1],
                "volatilities": [0.18, 0.24, 0.30, 0.40],
                "correlation": 0.45,
                **base,
            },
        ],
    }


def winter_week() -> dict[str, list[float]]:
    """A made-up January week by the hour: outdoor temperature (°C) and sun on the windows (W/m²), with a cold spell.

    Daily and slow sine waves, no measured data: use the week that the demonstration runs on instead where there is one.
    """
    outdoor, sun = [], []
    for hour in range(168):
        day, clock = divmod(hour, 24)
        clear = 0.5 + 0.5 * math.sin(1.7 * day + 0.4)
        slow = 4.0 - 6.0 * math.exp(-(((hour - 90) / 30) ** 2))
        outdoor.append(round(slow + (1.5 + 2.0 * clear) * math.cos(2 * math.pi * (clock - 15) / 24), 2))
        height = max(math.sin(math.pi * (clock - 8) / 9), 0.0) if 8 <= clock <= 17 else 0.0
        sun.append(round(height * (60 + 320 * clear), 1))
    return {"outdoor_c": outdoor, "sun_w_m2": sun}


def sweep(*, chunks: int = 20, samples: int = 3500, weather: dict[str, list[float]] | None = None) -> dict[str, Any]:
    """The sensitivity study of a 60 m² flat with a digital heater: ranges from old and leaky to renovated."""
    return {
        "seed": 1511,
        "chunks": chunks,
        "samples": samples,
        "flat": {"floor_area_m2": 60.0, "facade_area_m2": 45.0, "window_area_m2": 9.0, "height_m": 2.5},
        "traits": {
            "wall_u_w_m2k": [0.2, 1.6],
            "window_u_w_m2k": [1.1, 3.0],
            "window_g": [0.4, 0.75],
            "air_change_per_h": [0.3, 0.9],
            "mass_kj_m2k": [80.0, 370.0],
            "set_point_c": [18.0, 22.0],
            "night_setback_k": [0.0, 4.0],
            "gains_w_m2": [2.0, 6.0],
            "heater_power_w": [500.0, 2500.0],
        },
        "weather": weather if weather is not None else winter_week(),
    }


def render_job(content: dict[str, Any] | None = None) -> DemoJob:
    """The animation: one frame an instance."""
    return DemoJob("render", _HERE / "render.py", "scene.json", content or scene(), "frame_*.png")


def price_job(content: dict[str, Any] | None = None) -> DemoJob:
    """The pricing: every instance draws its own paths."""
    return DemoJob("price", _HERE / "price.py", "portfolio.json", content or portfolio(), "prices_*.json")


def harvest_job(content: dict[str, Any] | None = None) -> DemoJob:
    """The sweep that may be stopped and goes on later."""
    return DemoJob("harvest", _HERE / "harvest.py", "sweep.json", content or sweep(), "result_*.json")


def all_jobs() -> tuple[DemoJob, DemoJob, DemoJob]:
    """The three kinds of work with their default inputs."""
    return render_job(), price_job(), harvest_job()
