"""`ondol up` as a process of its own, with a token for each site and for the operator."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ondol.control.layout import DataFolder
from ondol.control.site_tokens import SiteTokens
from ondol.model.fleet import Fleet
from ondol.storage.fleet_file import fleet_to_toml
from ondol.storage.sql.store import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A platform that answers.

    Parameters
    ----------
    tokens : of site agents, by site
    pid : of the process
    """

    port: int
    operator: str
    tokens: dict[str, str]
    pid: int
    folder: Path


@contextmanager
def platform(folder: Path, fleet: Fleet) -> Iterator[Running]:
    """Start a platform with a fleet, and stop it in the end."""
    data, fleet_file = DataFolder(folder / "data"), folder / "fleet.toml"
    data.path.mkdir()
    fleet_file.write_text(fleet_to_toml(fleet))
    store = SqlStore(data.database_url)
    tokens = SiteTokens(store)
    made = {str(site.id): tokens.renew(fleet, site.id) for site in fleet.sites}
    store.close()
    command = [
        sys.executable, "-m", "ondol.cli.main", "up", "--fleet", str(fleet_file), "--data", str(data.path),
        "--sandbox", "none", "--containers", "none", "--quiet",
    ]  # fmt: skip
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300.0
        while "now " not in (folder / "up.log").read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "up.log").read_text()[-3000:])
            time.sleep(0.1)
        client = json.loads(data.client_file.read_text())
        port = int(client["url"].rpartition(":")[2])
        yield Running(port=port, operator=client["token"], tokens=made, pid=process.pid, folder=data.path)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
