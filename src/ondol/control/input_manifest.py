"""What was put into a job's folder as inputs, so that they are never taken for results; survives a restart."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from ondol.control.results import Fingerprint

_NAME = "inputs.json"


@dataclass(slots=True)
class InputManifest:
    """Inputs of one attempt.

    Parameters
    ----------
    files : by path below the job's folder, every fingerprint under which the file is an input. A refreshed one has
        several: the new one is written down before the file is put in its place, so that no crash in between makes an
        input look like a result
    sources : digest of the object that a path was last fetched from
    """

    files: dict[str, list[Fingerprint]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> InputManifest:
        """Read that of the attempt in a folder; raises FileNotFoundError where its inputs were never whole."""
        said = json.loads((folder / _NAME).read_text())
        if isinstance(said.get("files"), dict) and isinstance(said.get("sources"), dict):
            return cls(said["files"], said["sources"])
        return cls({path: [found] for path, found in said.items()})  # as versions before 2 wrote it

    def write(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        partial = folder / f"{_NAME}.partial"
        partial.write_text(json.dumps({"files": self.files, "sources": self.sources}))
        partial.replace(folder / _NAME)
