"""The sheet that statements are printed on: its letters, tables, headings, and what stands on every page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from reportlab.lib import colors  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]
from reportlab.pdfbase.ttfonts import TTFont  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
from reportlab.platypus import CondPageBreak, Paragraph, Table, TableStyle  # type: ignore[import-untyped]

WIDTH = A4[0] - 36 * mm - 12.0  # what a frame leaves of the page, its padding off
INK, MUTED, RULE = colors.HexColor("#1f1e1b"), colors.HexColor("#6a665e"), colors.HexColor("#e3ded4")
_ROOM = 40 * mm  # a heading with less than this under it goes to the next page


def table(
    head: Sequence[str], rows: Sequence[Sequence[Any]], widths: Sequence[float] | None = None, *, spans: bool = False
) -> Table:
    """A table with a head that every page repeats.

    Parameters
    ----------
    widths : of its columns, parts of the whole; alike where left out
    spans : a paragraph in the second column goes on over those behind it that are empty
    """
    share = widths or [1.0 / len(head)] * len(head)
    made = Table([list(head), *rows], colWidths=[part * WIDTH for part in share], repeatRows=1)
    style: list[Any] = [
        ("FONT", (0, 0), (-1, -1), "Ondol", 8),
        ("FONT", (0, 0), (-1, 0), "Ondol-Bold", 7.5),
        ("TEXTCOLOR", (0, 0), (-1, 0), MUTED),
        ("TEXTCOLOR", (0, 1), (-1, -1), INK),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
        ("LEFTPADDING", (0, 0), (0, -1), 0),
        ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 2.2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.6),
    ]
    for number, row in enumerate(rows, start=1):
        if spans and isinstance(row[1], Paragraph) and row[-1] == "":
            style.append(("SPAN", (1, number), (-1, number)))
    made.setStyle(TableStyle(style))
    return made


def text(words: str, style: str = "body") -> Paragraph:
    """A paragraph of plain text."""
    return Paragraph(escape(words), STYLES[style])


def heading(words: str, note: str = "") -> list[Any]:
    """A heading with a remark under it, on the next page where there is little room under it on this one."""
    return [CondPageBreak(_ROOM), text(words, "h2"), *([text(note, "muted")] if note else [])]


def _style(
    name: str, size: float, *, colour: Any = INK, bold: bool = False, before: float = 0.0, after: float = 2.0
) -> Any:
    font = "Ondol-Bold" if bold else "Ondol"
    return ParagraphStyle(
        name,
        fontName=font,
        fontSize=size,
        leading=size * 1.32,
        textColor=colour,
        spaceBefore=before,
        spaceAfter=after,
        keepWithNext=name == "h3",
    )


STYLES = {
    "h1": _style("h1", 17, bold=True, after=3),
    "h2": _style("h2", 11.5, bold=True, before=12, after=3),
    "h3": _style("h3", 9, bold=True, before=6),
    "lead": _style("lead", 10, after=4),
    "body": _style("body", 9),
    "muted": _style("muted", 8.2, colour=MUTED),
    "small": _style("small", 8.2, after=3),
    "cell": _style("cell", 8, after=0),
    "right": _style("right", 8, after=0),
}
STYLES["right"].alignment = 2


class Page:
    """Header and footer of every page; the number of pages is known when all are laid out."""

    def __init__(self, title: str, when: str, registry: str) -> None:
        self._title, self._when, self._registry = title, when, registry

    def canvas(self, *args: Any, **options: Any) -> Canvas:
        """Make the canvas that numbers its pages."""
        return _Numbered(self._title, self._when, self._registry, *args, **options)


class _Numbered(Canvas):  # type: ignore[misc]  # reportlab has no types
    def __init__(self, title: str, when: str, registry: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._said = title, when, registry
        self._kept: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        """Keep the page until the number of all is known."""
        self._kept.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Draw header and footer on every page, and write the file."""
        for number, kept in enumerate(self._kept, start=1):
            self.__dict__.update(kept)
            title, when, registry = self._said
            self.setFont("Ondol", 7.5)
            self.setFillColor(MUTED)
            self.drawString(18 * mm, A4[1] - 13 * mm, _fit(title, 60))
            self.drawRightString(A4[0] - 18 * mm, A4[1] - 13 * mm, when)
            self.drawString(18 * mm, 11 * mm, f"Ondol statement · {registry}")
            self.drawRightString(A4[0] - 18 * mm, 11 * mm, f"page {number} of {len(self._kept)}")
            self.setStrokeColor(RULE)
            self.line(18 * mm, A4[1] - 15 * mm, A4[0] - 18 * mm, A4[1] - 15 * mm)
            super().showPage()
        super().save()


def _fit(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def load_fonts() -> None:
    """Use the DejaVu fonts that matplotlib carries: they have ₂, °, −, × and every European name."""
    if "Ondol" in pdfmetrics.getRegisteredFontNames():
        return
    import matplotlib as mpl

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    pdfmetrics.registerFont(TTFont("Ondol", str(folder / "DejaVuSans.ttf")))
    pdfmetrics.registerFont(TTFont("Ondol-Bold", str(folder / "DejaVuSans-Bold.ttf")))
    pdfmetrics.registerFont(TTFont("Ondol-Oblique", str(folder / "DejaVuSans-Oblique.ttf")))
    pdfmetrics.registerFontFamily(
        "Ondol", normal="Ondol", bold="Ondol-Bold", italic="Ondol-Oblique", boldItalic="Ondol-Bold"
    )
