"""The platform under test, as a process of its own: ``python serve.py DATA URL``; ends when its stdin does.

All nodes are draining: what is accepted waits, so that accepting is measured and not the running of jobs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ondol.cli.up import Serving, log_to
from ondol.control.directory import OPERATOR
from ondol.control.layout import DataFolder
from ondol.control.settings import Settings
from ondol.demo.fleet import demo_fleet


def main(data: Path, database_url: str) -> None:
    """Serve, and say where: one line with port, token and process id."""
    log_to(DataFolder(data))
    fleet = demo_fleet()
    settings = Settings(data=data, fleet=fleet, sandbox="none", containers=False, database_url=database_url)
    with Serving(settings) as serving:
        token = serving.owner_token()
        account = serving.platform.store.account_by_email(OPERATOR)
        if account is None:
            raise RuntimeError("there is no operator")
        for node in fleet.nodes:
            serving.platform.desk.set_node(account.id, node.id, "draining")
        print(serving.url.rpartition(":")[2], token, account.id, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
