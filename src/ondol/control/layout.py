"""Where everything of one installation lies in its data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The data folder of an installation; its parts are made by those who use them."""

    path: Path

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the database."""
        return f"sqlite:///{(self.path / 'ondol.db').resolve()}"

    @property
    def key_file(self) -> Path:
        """Key that seals tokens (mode 0600)."""
        return self.path / "key"

    @property
    def lock_file(self) -> Path:
        """Held by the running platform."""
        return self.path / "lock"

    @property
    def engine_dir(self) -> Path:
        """State of the engine and its attempts."""
        return self.path / "engine"

    @property
    def objects_dir(self) -> Path:
        """Folder of SeaweedFS."""
        return self.path / "objects"

    @property
    def jobs_dir(self) -> Path:
        """Job folders and checkpoints."""
        return self.path / "jobs"

    @property
    def outputs_dir(self) -> Path:
        """What ended jobs said."""
        return self.path / "outputs"

    @property
    def ticks_file(self) -> Path:
        """Recorded ticks, for `ondol replay`."""
        return self.path / "ticks.gz"

    @property
    def client_file(self) -> Path:
        """Address and token for the client commands (mode 0600)."""
        return self.path / "client.json"

    @property
    def log_file(self) -> Path:
        """The platform's log."""
        return self.path / "ondol.log"

    @property
    def fleet_file(self) -> Path:
        """The fleet as it was at the last start."""
        return self.path / "fleet.toml"
