"""Where a site's agent keeps its files, and the lock that makes it the only one."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ondol.model.errors import ConflictError


@dataclass(frozen=True, slots=True)
class SiteFolder:
    """The data folder of one site's agent; nothing is made by looking at it."""

    path: Path

    @property
    def store_file(self) -> Path:
        """What waits for the server, and what must outlive the agent (SQLite)."""
        return self.path / "agent.db"

    @property
    def log_file(self) -> Path:
        """What the agent says of itself."""
        return self.path / "agent.log"

    def lock(self) -> IO[str]:
        """Make the folder and take it for this process alone; closing gives it back, and the end of the process does.

        Raises
        ------
        ConflictError : another process has it
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (self.path / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            owner = file.read().strip() or "another process"
            file.close()
            raise ConflictError(
                f"The agent's folder {self.path} is in use by {owner}: stop that one first, or choose another --data"
            ) from error
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()}")
        file.flush()
        return file
