"""What the demonstration's client brought home, made into things to look at."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ondol.demo.assemble import PriceRow, assemble_animation, contact_sheet, frames_in, merge_harvest, merge_prices


@dataclass(frozen=True, slots=True)
class Results:
    """Sentences about the results, for the end of the run."""

    lines: tuple[str, ...]


def make_results(out: Path) -> Results:
    """Assemble the animation, merge prices and study; says what is missing rather than fail."""
    lines: list[str] = []
    frames = out / "frames"
    if frames.is_dir() and frames_in(frames):
        animation = assemble_animation(frames, out / "animation.webp")
        contact_sheet(frames, out / "contact-sheet.png")
        lines.append(f"Animation: {animation} and animation.gif, from {len(frames_in(frames))} frames")
    else:
        lines.append("Animation: no frames came back")
    lines += _prices(out) if (out / "prices").is_dir() else ["Prices: none came back"]
    lines += _study(out) if (out / "study").is_dir() else ["Building study: nothing came back"]
    return Results(tuple(lines))


def _prices(out: Path) -> list[str]:
    rows = merge_prices(out / "prices")
    (out / "prices.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    lines = [f"Prices: {out / 'prices.json'}"]
    return lines + [f"  {_price(row)}" for row in rows]


def _price(row: PriceRow) -> str:
    text = f"{row.name:<28} {row.value:9.4f} ± {row.standard_error:.4f}"
    return text if row.closed_form is None else f"{text}   closed form {row.closed_form:.4f}"


def _study(out: Path) -> list[str]:
    table = merge_harvest(out / "study")
    (out / "study.json").write_text(json.dumps(asdict(table), indent=1) + "\n", encoding="utf-8")
    return [f"Building study: {out / 'study.json'}, from {table.simulations:,} simulated winter weeks"]
