"""What the client makes of the results that it has downloaded: animation, contact sheet, merged tables."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from ondol.model.errors import InvalidFieldError, NotFoundError

_FRAME = re.compile(r"frame_(\d{4,})\.png")
_SIBLINGS = (".webp", ".gif")


def frames_in(frames_dir: Path) -> dict[int, Path]:
    """Rendered frames by number, in order.

    Raises NotFoundError where there is none.
    """
    found = {}
    for path in frames_dir.glob("frame_*.png"):
        match = _FRAME.fullmatch(path.name)
        if match:
            found[int(match[1])] = path
    if not found:
        raise NotFoundError(
            "rendered frame", f"frame_*.png in {frames_dir}: run the render task and download its results"
        )
    return dict(sorted(found.items()))


def assemble_animation(frames_dir: Path, out_path: Path, *, frame_ms: int = 80) -> Path:
    """Join all frames into an endless loop; returns ``out_path``, the main file.

    Both kinds are written side by side: WebP (the better picture, for browsers) and GIF (for everything else).

    Parameters
    ----------
    frames_dir : folder with ``frame_0000.png`` and so on, without a gap
    out_path : where the main file goes, ``*.webp`` or ``*.gif``
    frame_ms : how long each frame is shown, 20 to 10 000 ms

    Raises
    ------
    InvalidFieldError : another suffix or duration, or frames of different sizes
    NotFoundError : no frame, or a gap in their numbers
    """
    if out_path.suffix not in _SIBLINGS:
        raise InvalidFieldError("out_path", str(out_path), "a file name ending in .webp or .gif")
    if not 20 <= frame_ms <= 10_000:
        raise InvalidFieldError("frame_ms", frame_ms, "a number from 20 to 10000 ms")
    paths = frames_in(frames_dir)
    missing = sorted(set(range(max(paths) + 1)) - set(paths))
    if missing:
        raise NotFoundError("rendered frame", f"frame_{missing[0]:04d}.png in {frames_dir} ({len(missing)} missing)")
    frames = [_open(path) for path in paths.values()]
    if len({frame.size for frame in frames}) > 1:
        raise InvalidFieldError("frames_dir", str(frames_dir), "frames of one size")
    out_path.parent.mkdir(parents=True, exist_ok=True)
    first, *rest = frames
    loop: dict[str, Any] = {"save_all": True, "duration": frame_ms, "loop": 0}
    first.save(out_path.with_suffix(".webp"), append_images=rest, quality=86, method=2, **loop)
    first, *rest = _on_one_palette(frames)
    first.save(out_path.with_suffix(".gif"), append_images=rest, optimize=False, disposal=1, **loop)
    return out_path


def _open(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _on_one_palette(frames: list[Image.Image]) -> list[Image.Image]:
    """Frames on the 256 colours that suit the whole loop: with a palette each, still surfaces would flicker."""
    width, height = 240, max(1, 240 * frames[0].height // frames[0].width)
    chosen = frames[:: max(1, len(frames) // 8)]
    strip = Image.new("RGB", (width, height * len(chosen)))
    for i, frame in enumerate(chosen):
        strip.paste(frame.resize((width, height)), (0, i * height))
    palette = strip.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=2)
    return [frame.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for frame in frames]


def contact_sheet(frames_dir: Path, out_path: Path, *, columns: int = 6, thumb_width: int = 240) -> Path:
    """All frames small on one picture, numbered; a frame that is missing leaves a dark gap.

    Raises NotFoundError where there is no frame, InvalidFieldError for columns outside 1–40 or thumb_width (px) outside
    16–2000.
    """
    if not 1 <= columns <= 40:
        raise InvalidFieldError("columns", columns, "a whole number from 1 to 40")
    if not 16 <= thumb_width <= 2000:
        raise InvalidFieldError("thumb_width", thumb_width, "a whole number from 16 to 2000 px")
    paths = frames_in(frames_dir)
    count = max(paths) + 1
    columns = min(columns, count)
    first = _open(next(iter(paths.values())))
    thumb_height = max(1, round(thumb_width * first.height / first.width))
    gap = 6
    rows = math.ceil(count / columns)
    size = (columns * (thumb_width + gap) + gap, rows * (thumb_height + gap) + gap)
    sheet = Image.new("RGB", size, (24, 20, 24))
    pen = ImageDraw.Draw(sheet)
    for number in range(count):
        row, column = divmod(number, columns)
        corner = (gap + column * (thumb_width + gap), gap + row * (thumb_height + gap))
        if number in paths:
            sheet.paste(_open(paths[number]).resize((thumb_width, thumb_height), Image.Resampling.LANCZOS), corner)
        pen.text((corner[0] + 4, corner[1] + 2), str(number), fill=(255, 255, 255))
    out_path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out_path)
    return out_path


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One option over all instances: price and standard error in currency units, ``closed_form`` where there is one."""

    name: str
    kind: str
    value: float
    standard_error: float
    paths: int
    instances: int
    closed_form: float | None

    @property
    def sigmas_off(self) -> float | None:
        """Distance from the closed form in standard errors; beyond ±4 something is wrong."""
        if self.closed_form is None or self.standard_error == 0:
            return None
        return (self.value - self.closed_form) / self.standard_error


def merge_prices(results_dir: Path) -> list[PriceRow]:
    """Table of prices, in the order of the portfolio: instances weighted by their paths, errors added in squares.

    Raises NotFoundError without any ``prices_*.json``, InvalidFieldError for one that is damaged, that repeats an
    instance or that comes from another portfolio.
    """
    parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    results = _results(results_dir, "prices_*.json", "options")
    for path, result in results:
        for option in result["options"]:
            parts[option["name"]].append(option)
        names = [option["name"] for option in result["options"]]
        if names != list(parts) or result["seed"] != results[0][1]["seed"]:
            raise InvalidFieldError(str(path), names, "the options and seed of the other instances")
    return [_merge_option(rows) for rows in parts.values()]


def _merge_option(rows: list[dict[str, Any]]) -> PriceRow:
    paths = sum(row["paths"] for row in rows)
    value = math.fsum(row["paths"] * row["value"] for row in rows) / paths
    error = math.sqrt(math.fsum((row["paths"] * row["standard_error"]) ** 2 for row in rows)) / paths
    head = rows[0]
    return PriceRow(head["name"], head["kind"], value, error, paths, len(rows), head["closed_form"])


@dataclass(frozen=True, slots=True)
class TraitRow:
    """How much of one outcome's variance one trait explains: alone, and with all its interactions (0–1, ± 1 sigma)."""

    outcome: str
    trait: str
    first_order: float
    first_order_error: float | None
    total: float
    total_error: float | None


@dataclass(frozen=True, slots=True)
class HarvestTable:
    """The sweep over all instances: mean of each outcome (± 1 sigma), and its traits, the weightiest first."""

    simulations: int
    chunks: int
    means: dict[str, tuple[float, float | None]]
    rows: list[TraitRow]


def merge_harvest(results_dir: Path) -> HarvestTable:
    """Table of the sweep from the chunks of every instance.

    Raises NotFoundError without any ``result_*.json``, InvalidFieldError for one that is damaged, that repeats an
    instance or that comes from another sweep.
    """
    results = _results(results_dir, "result_*.json", "chunks")
    first = results[0][1]
    outcomes, traits = list(first["outcomes"]), list(first["traits"])
    for path, result in results:
        if (list(result["outcomes"]), result["traits"], result["seed"]) != (outcomes, traits, first["seed"]):
            raise InvalidFieldError(str(path), result["seed"], "the outcomes, traits and seed of the other instances")
    chunks = [chunk for _, result in results for chunk in result["chunks"]]
    means, rows = {}, []
    for o, outcome in enumerate(outcomes):
        figures = [_mean_and_error(list(column)) for column in zip(*(chunk[o] for chunk in chunks), strict=True)]
        means[outcome] = figures[0]
        shares = zip(traits, figures[2 : 2 + len(traits)], figures[2 + len(traits) :], strict=True)
        found = [TraitRow(outcome, trait, *alone, *together) for trait, alone, together in shares]
        rows += sorted(found, key=lambda row: -row.total)
    return HarvestTable(sum(result["simulations"] for _, result in results), len(chunks), means, rows)


def _mean_and_error(values: list[float]) -> tuple[float, float | None]:
    n = len(values)
    mean = math.fsum(values) / n
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n) if n > 1 else None


def _results(results_dir: Path, pattern: str, must_have: str) -> list[tuple[Path, dict[str, Any]]]:
    """Result files by instance, each read whole."""
    by_instance: dict[int, tuple[Path, dict[str, Any]]] = {}
    for path in sorted(results_dir.glob(pattern)):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise InvalidFieldError(str(path), "its content", "a result in JSON; download it again") from None
        if not isinstance(result, dict) or not result.get(must_have) or "instance" not in result:
            raise InvalidFieldError(str(path), "its content", f"a result with instance and {must_have}")
        if result["instance"] in by_instance:
            raise InvalidFieldError(str(path), result["instance"], "an instance that no other file holds")
        by_instance[result["instance"]] = (path, result)
    if not by_instance:
        raise NotFoundError("result", f"{pattern} in {results_dir}: run the task and download its results")
    return [by_instance[key] for key in sorted(by_instance)]
