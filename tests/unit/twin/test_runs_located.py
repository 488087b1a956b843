"""Files that a scenario names are found beside it, else in the folder of data; what is nowhere is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondol.model.errors import NotFoundError
from ondol.twin.located import data_folder, located
from ondol.twin.scenario import Scenario, read_scenario

TEXT = """
name = "paths"
begin = 2026-01-12T00:00:00Z
days = 1
[work]
source = "swf"
path = "traces/a.swf"
[grid]
path = "carbon.csv"
price_path = "prices.csv"
[[site]]
id = "here"
climate = "weather.txt"
mains = "mains.txt"
[[site.rack]]
[[site]]
id = "there"
climate = "H3"
[[site.rack]]
"""
FILES = ("traces/a.swf", "carbon.csv", "prices.csv", "weather.txt", "mains.txt")


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")
    return folder


def paths(scenario: Scenario) -> list[str]:
    site = scenario.site[0]
    return [scenario.work.path, scenario.grid.path, scenario.grid.price_path, site.climate, site.mains]


def test_what_lies_beside_the_scenario_comes_first(tmp_path: Path) -> None:
    own, data = make(tmp_path / "own", *FILES[:3]), make(tmp_path / "data", *FILES)
    found = located(read_scenario(TEXT), own, data)
    assert paths(found) == [str(folder / name) for folder, name in zip((own,) * 3 + (data,) * 2, FILES, strict=True)]
    assert found.site[1].climate == "H3"  # packaged: no path
    assert found.site[1].mains == ""


@pytest.mark.parametrize(
    ("missing", "key"),
    [
        ("traces/a.swf", "work.path"),
        ("carbon.csv", "grid.path"),
        ("prices.csv", "grid.price_path"),
        ("weather.txt", r"site\[here\].climate"),
        ("mains.txt", r"site\[here\].mains"),
    ],
)
def test_what_is_nowhere_is_told_with_its_key_and_where_it_was_looked_for(
    tmp_path: Path, missing: str, key: str
) -> None:
    own = make(tmp_path / "own", *(name for name in FILES if name != missing))
    data = make(tmp_path / "data", "other.csv")
    with pytest.raises(NotFoundError, match=f"{key}: {missing}, looked for in {own} and {data}$"):
        located(read_scenario(TEXT), own, data)
    with pytest.raises(NotFoundError, match="--data names a folder of data"):
        located(read_scenario(TEXT), own, None)


def test_a_folder_of_data_that_is_named_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "repository"
    here.mkdir()
    monkeypatch.chdir(here)
    assert data_folder(None) is None
    (tmp_path / "shared" / "data").mkdir(parents=True)
    assert data_folder(None) == Path("../shared/data")
    assert data_folder(tmp_path) == tmp_path
    with pytest.raises(NotFoundError, match="folder of data"):
        data_folder(tmp_path / "nowhere")
