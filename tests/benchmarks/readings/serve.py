"""The API before a SQLite store: `serve.py FOLDER SITES`; prints its port and ends with its standard input."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from readings_fleet import fleet_of

from integration.api.memory_desk import MemoryDesk
from ondol.server.app import create_api
from ondol.server.serve import Servers, bind
from ondol.storage.sql.store import SqlStore


def main(folder: Path, sites: int) -> None:
    """Serve until standard input ends."""
    store = SqlStore(f"sqlite:///{folder / 'ondol.db'}")
    desk = MemoryDesk(folder, store, fleet_of(sites))
    listener = bind("127.0.0.1", 0)
    servers = Servers([(create_api(desk, storage_url=None), listener)])
    servers.start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
    servers.stop()
    store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
