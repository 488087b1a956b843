"""Where an installation keeps its files: one folder holds all that must outlive a restart."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

DATA_VARIABLE = "ONDOL_DATA"
DEFAULT_DATA = Path("var") / "ondol"


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The data folder of one platform; nothing is made by looking at it.

    Parameters
    ----------
    path : the folder; a relative one is taken from where the process stands now
    """

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(os.path.abspath(self.path)))  # noqa: PTH100 - links stay as they are

    @property
    def database_file(self) -> Path:
        """Tasks, accounts and the ledger (SQLite)."""
        return self.path / "ondol.db"

    @property
    def database_note(self) -> Path:
        """URL of the database where it is not in this folder; may hold a password, mode 0600."""
        return self.path / "database"

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the database."""
        try:
            return self.database_note.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return f"sqlite:///{self.database_file}"

    @property
    def has_database(self) -> bool:
        """Whether a platform or `ondol user add` has made a database, here or elsewhere."""
        return self.database_note.is_file() or self.database_file.is_file()

    @property
    def key_file(self) -> Path:
        """Key under which tokens are sealed, mode 0600."""
        return self.path / "key"

    @property
    def lock_file(self) -> Path:
        """Locked by the one platform that uses this folder."""
        return self.path / "lock"

    @property
    def engine_dir(self) -> Path:
        """What the embedded engine keeps of its attempts."""
        return self.path / "engine"

    @property
    def objects_dir(self) -> Path:
        """The object store."""
        return self.path / "objects"

    @property
    def jobs_dir(self) -> Path:
        """Working folders of jobs."""
        return self.path / "jobs"

    @property
    def cache_dir(self) -> Path:
        """Inputs that each site holds, by site."""
        return self.path / "cache"

    @property
    def outputs_dir(self) -> Path:
        """What jobs wrote to stdout and stderr."""
        return self.path / "outputs"

    @property
    def images_dir(self) -> Path:
        """Unpacked container images, and which attempts use them."""
        return self.path / "images"

    @property
    def ticks_file(self) -> Path:
        """Record of every decision, for `ondol replay`; a full one becomes `ticks.gz.1`."""
        return self.path / "ticks.gz"

    @property
    def boavizta_file(self) -> Path:
        """What a BoaviztAPI answered about hardware, for the next start."""
        return self.path / "boavizta.json"

    @property
    def answers_file(self) -> Path:
        """Which answers to creations were not given yet (ADR 7)."""
        return self.path / "answers"

    @property
    def client_file(self) -> Path:
        """How the operator's own commands reach the platform; holds a token, mode 0600."""
        return self.path / "client.json"

    @property
    def log_file(self) -> Path:
        """What the platform says of itself."""
        return self.path / "ondol.log"

    @property
    def fleet_file(self) -> Path:
        """Copy of the fleet file that the platform was last started with."""
        return self.path / "fleet.toml"

    def make(self) -> DataFolder:
        """Make the folder, readable by its owner only; gives itself back."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self


def data_folder(path: Path | None = None) -> DataFolder:
    """Give the folder at `path`, else the one that $ONDOL_DATA names, else ./var/ondol."""
    if path is not None:
        return DataFolder(path)
    named = os.environ.get(DATA_VARIABLE, "")
    return DataFolder(Path(named) if named else DEFAULT_DATA)
