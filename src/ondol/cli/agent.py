"""`ondol agent`: the agent of one site, at the site."""

from __future__ import annotations

import logging
import logging.handlers
import signal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

LARGEST_LOG_BYTES = 10 << 20
OLD_LOGS = 3


def agent(
    *,
    site: str,
    server: Annotated[str, Parameter(env_var="ONDOL_URL")],
    token_file: Path,
    data: Path,
    ca_file: Path | None = None,
) -> int:
    """Run the agent of one site until Ctrl-C: it reads the instruments, keeps the heat safe, and works without a link.

    It only ever calls out, to the server. Exit code 0 when it was told to end, 1 where it cannot begin.

    Parameters
    ----------
    site:
        Id of the site; the fleet file must say agent = "own" for it.
    server:
        Address of the platform's API.
    token_file:
        File with what 'ondol site token' printed; chmod 600.
    data:
        Folder of all that must outlive a restart; one for each site.
    ca_file:
        Authorities that may have signed the server's certificate, where the system does not know them.
    """
    from ondol.agent.site_folder import SiteFolder
    from ondol.agent.site_process import AgentSettings, SiteProcess
    from ondol.model.checks import check_id

    check_id("--site", site)
    process = SiteProcess(AgentSettings(site_id=site, server=server, token_file=token_file, data=data, ca_file=ca_file))
    try:
        _log_to(SiteFolder(data))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: process.stop())
        print(f"ondol: agent of {site}, for {server}; its log is {SiteFolder(data).log_file}", flush=True)
        process.run()
    finally:
        process.close()
    print(f"ondol: agent of {site} stopped; devices keep what they were told last", flush=True)
    return 0


def _log_to(folder: object) -> None:
    """Send the agent's log to its file; a full one becomes `agent.log.1`, and `OLD_LOGS` of them are kept."""
    from ondol.agent.site_folder import SiteFolder

    assert isinstance(folder, SiteFolder)  # noqa: S101  # imported late: the prompt comes back fast
    handler = logging.handlers.RotatingFileHandler(
        folder.log_file, maxBytes=LARGEST_LOG_BYTES, backupCount=OLD_LOGS, encoding="utf-8"
    )
    folder.log_file.chmod(0o600)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.raiseExceptions = False  # a log that a full disk does not take is no reason for tracebacks
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("httpx2", "httpcore2", "httpcore", "pymodbus"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
