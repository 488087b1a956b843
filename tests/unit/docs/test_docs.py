"""The written side is true of the tree: links lead somewhere, diagrams are those of the tables, Python is Python."""

from __future__ import annotations

import ast
import doctest
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondol.lifecycle.diagram import diagrams
from ondol.signals.attribution import attributions
from unit.docs.lifecycle_page import PAGE, refreshed, shown

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
SECTIONS = ["Context", "Decision", "Consequences", "Rejected ideas"]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in _FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def anchors(page: Path) -> set[str]:
    """Anchors of headings as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.is_relative_to(ROOT) or not target.exists():
            yield link
        elif anchor and anchor not in anchors(target):
            yield f"{link} (no such heading)"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file_and_heading_of_this_tree(page: Path) -> None:
    assert list(dead_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_fence_is_closed_and_names_its_language(page: Path) -> None:
    fences = re.findall(r"^```(\w*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) % 2 == 0
    assert all(fences[::2])
    assert not any(fences[1::2])


def test_the_page_on_life_cycles_has_a_diagram_of_every_table_as_it_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert sorted(shown(text)) == sorted(diagrams())
    assert refreshed(text) == text, "run python tests/unit/docs/lifecycle_page.py"


@pytest.mark.parametrize("adr", ADRS, ids=name_of)
def test_every_decision_has_its_number_status_and_sections(adr: Path) -> None:
    text = adr.read_text(encoding="utf-8")
    assert text.startswith(f"# ADR {int(adr.name[:4])}: ")
    assert re.search(r"^- Status: (proposed|accepted|replaced by ADR \d+)", text, re.MULTILINE)
    assert re.search(r"^- Date: (\d{4}-\d\d-\d\d|YYYY-MM-DD)$", text, re.MULTILINE)
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    assert parts[1::2] == SECTIONS
    assert all(body.strip() for body in parts[2::2])


def test_decisions_are_numbered_without_gap_and_listed() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    assert [int(adr.name[:4]) for adr in ADRS] == list(range(len(ADRS)))
    assert [adr.name for adr in ADRS if f"({adr.name})" not in index] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_in_a_page_is_python_and_its_examples_hold(page: Path) -> None:
    """Blocks with `>>>` are run, after the plain blocks of the same page; pages without `>>>` are only parsed."""
    python = blocks(page, "python")
    examples = [block for block in python if ">>>" in block]
    plain = [block for block in python if ">>>" not in block]
    codes = [compile(ast.parse(block), name_of(page), "exec") for block in plain]
    if not examples:
        return
    module: dict[str, object] = {"__name__": "page"}
    sys.modules.setdefault("page", type(sys)("page"))  # dataclasses look their module up
    for code in codes:
        exec(code, module)  # noqa: S102 - our own pages
    runner = doctest.DocTestRunner(verbose=False)
    for block in examples:
        runner.run(doctest.DocTestParser().get_doctest(block, module, name_of(page), str(page), 0), clear_globs=False)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_toml_in_a_page_is_toml(page: Path) -> None:
    for block in blocks(page, "toml"):
        tomllib.loads(block)


def test_the_example_of_a_fleet_file_is_right() -> None:
    from ondol.storage.fleet_file import load_fleet

    page = ROOT / "docs" / "howto" / "write-a-fleet-file.md"
    fleet = load_fleet(blocks(page, "toml")[0], name_of(page))
    assert len(fleet.nodes) == 1


def test_pages_name_no_option_of_the_command_line_that_there_is_not() -> None:
    """Every `ondol …` line of a shell block is one that the command line can read, save for the names in it."""
    from cyclopts import CycloptsError

    from ondol.cli.main import app

    wrong = []
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                found = re.match(r"(?:\.venv/bin/)?ondol (.+)", line)
                if found is None:
                    continue
                try:
                    app.parse_args(re.split(r" [#>]", found[1])[0].strip(), exit_on_error=False, print_error=False)
                except CycloptsError as error:
                    wrong.append(f"{name_of(page)}: {line}: {error}")
    assert wrong == []


def test_the_notice_names_the_owner_of_all_packaged_data() -> None:
    notice = " ".join((ROOT / "NOTICE").read_text(encoding="utf-8").replace("(c)", "©").split())
    for line in attributions():
        owner = re.search(r"© ([^,]+)", line)
        assert owner is not None
        assert owner[1].replace("–", "-") in notice, line
