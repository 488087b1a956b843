"""The forms of a whole statement: JSON with stable keys, CSV line by line, a page that needs nothing, a PDF in A4."""

from __future__ import annotations

import csv
import io
import json
import re
import zlib

import pytest

from ondol.accounting.account.statement import SCHEMA, Statement
from ondol.accounting.wording import check_words
from ondol.report.statement_lines import CSV_COLUMNS, statement_csv, statement_json
from ondol.report.statement_page import statement_html
from ondol.report.statement_pdf import statement_pdf
from ondol.report.statement_words import adds_up, amount, band, lead
from unit.accounting import small_ledger as small

KEYS = {
    "schema", "subject", "window", "timezone", "conventions", "goal", "figures", "views", "avoided", "baskets", "parts",
    "adds_up", "uncertainty", "claims", "series", "findings", "missing", "notes",
}  # fmt: skip


@pytest.fixture(scope="module")
def site() -> Statement:
    return small.statement("site", "north", small.ledger(48))


def test_json_has_stable_keys_with_units_in_their_names(site: Statement) -> None:
    made = json.loads(statement_json(site))

    assert set(made) == KEYS
    assert made["schema"] == SCHEMA
    assert set(made["figures"]) >= {"inventory", "energy", "grid", "heat", "sci", "resources"}
    total = made["figures"]["inventory"]["total_g"]
    assert set(total) == {"label", "value", "unit", "low", "high", "tier", "method", "source", "missing"}
    assert total["low"] < total["value"] < total["high"]
    units = {"_g", "_kwh", "_h", "_l", "_mj", "_kgsb", "_c", "_g_per_kwh", "_g_per_unit"}
    plain = {"pue", "erf", "ere", "filler_share", "units"}
    for section in made["figures"].values():
        assert all(key in plain or any(key.endswith(unit) for unit in units) for key in section)
    assert made["window"]["start"].endswith("Z")
    assert set(made["views"]) == {"A0", "A1", "A2", "A3"}
    assert made["adds_up"]["residual"] <= made["adds_up"]["allowed"]


def test_csv_has_a_line_for_each_figure_and_repeats_its_bits(site: Statement) -> None:
    rows = list(csv.DictReader(io.StringIO(statement_csv(site))))

    assert tuple(rows[0]) == CSV_COLUMNS
    total = next(row for row in rows if (row["section"], row["line"]) == ("inventory", "total_g"))
    assert float(total["value"]) == site.value("inventory", "total_g")
    unknown = next(row for row in rows if row["line"] == "market_g")
    assert unknown["value"] == ""
    assert unknown["missing"]
    assert len({(row["section"], row["line"]) for row in rows}) == len(rows), "a line is found by its section and name"


def test_csv_has_no_formula_and_names_who_stands_for_what(site: Statement) -> None:
    """Given a task with a formula for a name, and a heat pump that nobody stands for, when a sheet is made, then so."""
    on = small.grounds()
    named = type(on)(**{name: getattr(on, name) for name in on.__slots__} | {"names": {"a-one": "=1+1"}})
    made = statement_csv(small.statement("user", "alice", small.ledger(), named))
    labels = [row["label"] for row in csv.DictReader(io.StringIO(made))]
    assert "'=1+1: electricity" in labels
    assert not any(label.startswith("=") for label in labels)

    by_line = {row["line"]: row for row in csv.DictReader(io.StringIO(statement_csv(site)))}
    assert "heat contract of 2024" in by_line["north.named_g"]["source"]
    assert "nobody stands" in by_line["north.heat_pump_g"]["source"]
    assert "ran for heat alone" in by_line["A0.heat_g"]["method"]
    assert "ran for heat alone" not in by_line["A0.job_g"]["method"]


def test_page_needs_no_network_and_no_script_and_keeps_to_the_wording(site: Statement) -> None:
    page = statement_html(site)

    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert not re.search(r"url\((?!#)", page)
    assert page.index("<h2>Inventory</h2>") < page.index("Apart from it: comparisons")
    assert "prefers-color-scheme: dark" in page
    check_words(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))


def test_page_shows_names_as_text(site: Statement) -> None:
    on = small.grounds()
    named = type(on)(**{name: getattr(on, name) for name in on.__slots__} | {"names": {"a-one": "<b>&x</b>"}})

    page = statement_html(small.statement("user", "alice", None, named))

    assert "&lt;b&gt;&amp;x&lt;/b&gt;" in page
    assert "<b>&x</b>" not in page


def test_pdf_is_a4_of_several_numbered_pages_with_text_that_can_be_searched(site: Statement) -> None:
    data = statement_pdf(site)

    assert data.startswith(b"%PDF-")
    pages = int(re.search(rb"/Count (\d+)", data)[1])  # type: ignore[index]
    assert pages >= 3
    assert data.count(b"/MediaBox [ 0 0 595.2756 841.8898 ]") == pages
    assert b"/ToUnicode" in data, "glyphs can be read back as text"
    assert statement_pdf(site) == data, "the same statement, the same bytes"
    streams = re.findall(rb"stream\r?\n(.*?)endstream", data, flags=re.DOTALL)
    assert any(b"beginbfchar" in _inflated(one) or b"beginbfrange" in _inflated(one) for one in streams)


def _inflated(stream: bytes) -> bytes:
    import base64

    try:
        return zlib.decompress(
            base64.a85decode(stream.strip(), adobe=False) if stream.strip().endswith(b"~>") else stream
        )
    except (zlib.error, ValueError):
        try:
            return zlib.decompress(base64.a85decode(b"<~" + stream.strip(), adobe=True))
        except (zlib.error, ValueError):
            return stream


def test_lead_says_what_is_in_the_inventory_and_what_stands_beside(site: Statement) -> None:
    told = lead(site)

    assert told[0].endswith("No credit for heat is in this.")
    assert told[-1].startswith("Beside the inventory: ")
    assert adds_up(site).startswith("Shares sum to the whole")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "kWh", "–"),
        (0.0, "gCO2e", "0 gCO2e"),
        (999.0, "gCO2e", "999 gCO2e"),
        (12_345.0, "gCO2e", "12.3 kgCO2e"),
        (-2_500.0, "gCO2e", "−2.50 kgCO2e"),
        (2_509.0, "gCO2e/task", "2.51 kgCO2e/task"),
        (3.0, "tasks", "3 tasks"),
        (2e-6, "kgSb", "2.00 mgSbeq"),
        (0.1234, "1", "0.123"),
    ],
)
def test_amounts_read_well(value: float | None, unit: str, text: str) -> None:
    assert amount(value, unit) == text


@pytest.mark.parametrize(
    ("low", "high", "unit", "said"),
    [
        (1240.0, 5800.0, "gCO2e", "1.24 to 5.80 kgCO2e"),
        (827.0, 5230.0, "gCO2e", "0.827 to 5.23 kgCO2e"),
        (-238.0, 2080.0, "gCO2e", "−0.238 to 2.08 kgCO2e"),
        (73.0, 220.0, "L", "73.0 to 220 L"),
        (1e-5, 2e-5, "kgSb", "10.0 to 20.0 mgSbeq"),
        (0.1, 0.3, "1", "0.100 to 0.300"),
        (None, 3.0, "kWh", "up to 3.00 kWh"),
        (900.0, 1200.0, "gCO2e/task", "0.900 to 1.20 kgCO2e/task"),
        (None, None, "kWh", ""),
    ],
)
def test_a_range_has_its_unit_once(low: float | None, high: float | None, unit: str, said: str) -> None:
    assert band(low, high, unit) == said
