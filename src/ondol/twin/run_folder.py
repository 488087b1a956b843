"""The folder of a run: which run it is, how far it is, and what of it may be removed.

`run.json` says which run the folder is of, from the first moment on; `summary.json` is written last. In between,
`snapshot.npz` and the parts before it are what the run goes on from.
"""

from __future__ import annotations

import enum
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.storage.whole_files import PARTIAL, write_whole


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Which run it is; two runs with the same digest are the same, byte by byte.

    Parameters
    ----------
    digest : of all that goes into the run
    world : of all but the policy and its forecasts: runs of the same world can be compared
    recorded : whether its ticks are recorded
    forecast : kind of the forecasts that the policy got
    """

    scenario: str
    policy: str
    seed: int
    days: float
    ondol: str
    recorded: bool
    forecast: str = "real"
    world: str
    digest: str


class Stage(enum.Enum):
    """How far a run is."""

    NEW = "new"
    BEGUN = "begun"
    OVER = "over"


class RunFolder:
    """Names of everything in the folder of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run, self.summary = path / "run.json", path / "summary.json"
        self.snapshot, self.instances = path / "snapshot.npz", path / "instances.parquet"
        self.ticks = path / "ticks.gz"

    @contextmanager
    def opened(self, identity: Identity, *, fresh: bool) -> Iterator[Stage]:
        """Hold the folder for a run; gives how far it is.

        Parameters
        ----------
        fresh : remove a run that is there, whichever it is

        Raises
        ------
        InvalidFieldError : the folder holds other files than those of a run
        ConflictError : it holds another run, or another process is at it
        """
        self._check_ours()
        self.path.mkdir(parents=True, exist_ok=True)
        held = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # goes with the process, however that ends
            self._sweep()
            if fresh:
                self._remove()
            if fresh or not self.run.exists():
                self._begin(identity)
            self._check_same(identity)
            if self.summary.exists():
                yield Stage.OVER
            else:
                yield Stage.BEGUN if self.snapshot.exists() else Stage.NEW
        except BlockingIOError as error:
            raise ConflictError(f"Another process lives through the run in {self.path}; wait for its end") from error
        finally:
            os.close(held)

    def identity(self) -> Identity:
        """Give which run the folder is of.

        Raises
        ------
        NotFoundError : it is of none
        InvalidFieldError : its run.json is damaged
        """
        try:
            return msgspec.json.decode(self.run.read_bytes(), type=Identity)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFoundError("run", f"{self.path}; 'ondol twin run SCENARIO --out {self.path}' makes one") from error
        except msgspec.DecodeError as error:
            raise InvalidFieldError(
                str(self.run), str(error), "the run.json of a run; --fresh begins it anew"
            ) from error

    def parts(self, kind: str) -> list[Path]:
        """Whole parts of `series` or `fleet`, in order."""
        return sorted((self.path / kind).glob("part-*.parquet"))

    def go_back(self, parts: int, ticks_bytes: int) -> None:
        """Remove what was written after the snapshot that knew of so many parts and bytes of ticks."""
        for kind in ("series", "fleet"):
            for part in self.parts(kind)[parts:]:
                part.unlink()
        if self.ticks.exists() and self.ticks.stat().st_size > ticks_bytes:
            os.truncate(self.ticks, ticks_bytes)

    def _sweep(self) -> None:
        """Remove what a run that was killed had half written."""
        files = (self.run, self.summary, self.snapshot, self.instances)
        for name in (*(file.name for file in files), "*/part-*.parquet"):
            for partial in self.path.glob(f"{name}.*{PARTIAL}"):
                partial.unlink()

    def _begin(self, identity: Identity) -> None:
        text = json.dumps(msgspec.to_builtins(identity), indent=1, sort_keys=True, ensure_ascii=False)
        write_whole(self.run, text.encode() + b"\n")

    def _check_ours(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise InvalidFieldError("--out", str(self.path), "a folder")
        if self.run.exists() or not self.path.exists():
            return
        other = sorted(one.name for one in self.path.iterdir() if not one.name.endswith(PARTIAL))
        if other:
            allowed = f"a new or empty folder, or that of a run; this one has {other[0]}"
            raise InvalidFieldError("--out", str(self.path), allowed)

    def _check_same(self, wanted: Identity) -> None:
        there = self.identity()
        if there.digest == wanted.digest:
            return
        state = "a finished" if self.summary.exists() else "an unfinished"
        unlike = [
            f"{name} is {getattr(there, name)}, not {getattr(wanted, name)}"
            for name in ("scenario", "policy", "seed", "days", "forecast", "recorded", "ondol")
            if getattr(there, name) != getattr(wanted, name)
        ]
        why = "; ".join(unlike) or "the scenario or its data are others by now"
        told = "Name another --out, or say --fresh to remove that run and begin anew"
        raise ConflictError(f"{self.path} holds {state} run of something else: {why}. {told}")

    def _remove(self) -> None:
        for kind in ("series", "fleet"):
            shutil.rmtree(self.path / kind, ignore_errors=True)
        for file in (self.summary, self.instances, self.snapshot, self.ticks, self.ticks.with_name("ticks.gz.whole")):
            file.unlink(missing_ok=True)
