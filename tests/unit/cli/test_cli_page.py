"""The page on the command line names every verb that there is, and none that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from cyclopts import App

from ondol.cli.main import app
from ondol.cli.task_body import task_body
from ondol.server.api.wire_in import TaskCreation, read_body

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "cli.md"
WHOLE = ("heat", "ledger", "admin", "user", "tariff", "image")  # groups that other pages describe verb by verb


def verbs(group: App, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command, as it is written."""
    for name in group:
        if name.startswith("-"):
            continue
        found = group[name]
        chain = (*words, name)
        below = [one for one in found if not one.startswith("-")]
        if not below or found.default_command is not None:
            yield " ".join(chain)
        if below and chain[0] not in WHOLE:
            yield from verbs(found, chain)


def test_every_verb_is_on_the_page_and_no_other() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = {" ".join(found.split()) for found in re.findall(r"`ondol ((?:[a-z-]+ ?)+)", text)}
    there = set(verbs(app))

    assert sorted(verb for verb in there if verb not in named and verb.split()[0] not in WHOLE) == []
    groups = {" ".join(verb.split()[:length]) for verb in there for length in (1, 2)} | set(app)
    unknown = [one for one in named if one not in there | groups and one.split()[0] not in (*WHOLE, "completion")]
    assert unknown == []


def test_the_file_on_the_page_is_one_that_the_platform_reads() -> None:
    (body,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

    seen = read_body(TaskCreation, task_body({}, file=yaml.safe_load(body)))

    assert (seen.profile, seen.advanced_ranges, seen.result_bucket) == ("docker-batch", "1-240", "scene-out")
    assert {one.key for one in seen.constants} == {"DOCKER_CMD", "DOCKER_REPO", "DOCKER_TAG"}
