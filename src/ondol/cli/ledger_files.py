"""What is read from the platform's data folder itself: audits, and the statement with its drawings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ondol.cli.connection import Where, open_api
from ondol.control.layout import DataFolder, data_folder
from ondol.model.errors import NotFoundError, OndolError

if TYPE_CHECKING:
    from ondol.storage.sql.store import SqlStore


@contextmanager
def open_store(folder: DataFolder) -> Iterator[SqlStore]:
    """Open the database of a data folder; a platform may be running on it.

    Raises NotFoundError where there is none.
    """
    if not folder.has_database:
        raise NotFoundError("platform data", f"{folder.path}; --data names the folder of 'ondol up'")
    from ondol.storage.sql.store import SqlStore

    store = SqlStore(folder.database_url)
    try:
        yield store
    finally:
        store.close()


def write_html(path: Path, where: Where) -> None:
    """Write the fleet's whole statement as one HTML file.

    Raises NotFoundError where the data folder is not here, or where no window has passed yet.
    """
    folder = data_folder(where.data)
    with open_store(folder) as store:
        from ondol.accounting.figures import FACTOR
        from ondol.control.statement import fleet_bundle
        from ondol.report.html import write_statement_html
        from ondol.signals.attribution import attributions
        from ondol.storage.fleet_file import read_fleet

        clock = store.document("clock")
        bundle = fleet_bundle(
            store,
            read_fleet(folder.fleet_file),
            clock_rate=1.0 if clock is None else float(json.loads(clock)["rate"]),
            policy=_policy(where),
            factor=FACTOR,
            attributions=attributions(),
        )
    write_statement_html(path, bundle)


def _policy(where: Where) -> str:
    """Name of the policy, which only the running platform tells."""
    try:
        with open_api(where) as api:
            return str(api.get("/heat/v1/now")["policy"])
    except OndolError:
        return "not known: the platform is not running"
