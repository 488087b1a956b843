"""Given a record of ticks, when it grows, is cut short or begun again, then it stays small and whole."""

from __future__ import annotations

import gzip
import logging
import logging.handlers
from pathlib import Path

import pytest

from ondol.cli.up import LARGEST_LOG_BYTES, OLD_LOGS, log_to
from ondol.control import record_end
from ondol.control.layout import DataFolder
from ondol.control.record import TickWriter, read_ticks, replay
from ondol.policy.follow import Follow
from unit.policy.views import UnitRow, WorkRow, World


def write(writer: TickWriter, count: int) -> None:
    view = World([UnitRow("a", wanted_w=300.0)], [WorkRow("j")]).view()
    decision, _ = Follow().decide(view, Follow().fresh())
    for _ in range(count):
        writer.write("follow", view, Follow().fresh(), decision)


def test_a_full_record_becomes_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "ticks.gz"
    write(TickWriter(path), 1)
    size = path.stat().st_size
    path.unlink()
    write(TickWriter(path, largest_bytes=3 * size), 8)
    old = tmp_path / "ticks.gz.1"
    assert [len(list(read_ticks(each))) for each in (old, path)] == [3, 2]
    assert replay(path).differing == replay(old).differing == ()
    write(TickWriter(path, largest_bytes=3 * size), 1)
    assert len(list(read_ticks(path))) == 3


def test_only_what_follows_the_mark_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ticks.gz"
    write(TickWriter(path), 4)
    TickWriter(path)
    size = path.stat().st_size
    seen: list[int] = []

    def whole(path: Path, begin: int = 0) -> int:
        seen.append(begin)
        return real(path, begin)

    real = record_end.whole_members
    monkeypatch.setattr(record_end, "whole_members", whole)
    with path.open("ab") as file:
        file.write(gzip.compress(b"cut short" * 9)[:-5])
    write(TickWriter(path), 1)
    assert seen == [size]
    assert len(list(read_ticks(path))) == 5


@pytest.mark.parametrize("mark", ["", "nonsense", "-5 00", "999999999 0011223344556677", "20 0011223344556677", "20 "])
def test_a_mark_that_does_not_fit_is_passed_over(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "ticks.gz"
    write(TickWriter(path), 3)
    (tmp_path / "ticks.gz.whole").write_text(mark)
    write(TickWriter(path), 1)
    assert len(list(read_ticks(path))) == 4


def test_the_log_is_rotated(tmp_path: Path) -> None:
    root, raised = logging.getLogger(), logging.raiseExceptions
    before, level = root.handlers[:], root.level
    root.handlers.clear()  # basicConfig(force) closes what it finds: pytest's own are put back below
    try:
        log_to(DataFolder(tmp_path))
        (handler,) = root.handlers
        assert isinstance(handler, logging.handlers.RotatingFileHandler)
        assert (handler.maxBytes, handler.backupCount) == (LARGEST_LOG_BYTES, OLD_LOGS)
        handler.maxBytes = 200
        for number in range(50):
            logging.getLogger("ondol.test").info("line %d", number)
        handler.close()
        assert len(list(tmp_path.glob("ondol.log*"))) == 1 + OLD_LOGS
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.raiseExceptions = raised
