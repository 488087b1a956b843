"""A front with its store and its directory as a process of its own: ``python front_process.py FOLDER``.

Prints one line of JSON: url, e-mail, token, its process id and SeaweedFS's. What it keeps it finds again in FOLDER.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EMAIL = "alice@example.org"


@dataclass(frozen=True)
class FrontProcess:
    """A running front, its credentials and its process."""

    url: str
    email: str
    token: str
    pid: int
    weed_pid: int
    process: subprocess.Popen[str]

    def client(self, **config: Any) -> Any:
        """A boto3 client of the account that tries once."""
        import boto3
        from botocore.config import Config

        options = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
        return boto3.session.Session(
            aws_access_key_id=self.email, aws_secret_access_key=self.token, region_name="default"
        ).client(
            "s3",
            endpoint_url=self.url,
            config=Config(proxies={}, retries={"total_max_attempts": 1}, **{**options, **config}),
        )

    def kill(self) -> None:
        """Kill it without a word, and SeaweedFS, which is tied to it, with it."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait(10)


@contextlib.contextmanager
def front_process(folder: Path) -> Iterator[FrontProcess]:
    """Run a front until the block ends."""
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield FrontProcess(**json.loads(process.stdout.readline()), process=process)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def main(folder: Path) -> None:
    """Serve until SIGTERM."""
    import uvicorn

    from ondol.control.directory import Directory
    from ondol.server.s3.app import create_s3_app
    from ondol.server.s3.ports import Backend
    from ondol.server.serve import bind, url_of
    from ondol.storage.objects.seaweed import SeaweedSupervisor
    from ondol.storage.sql.store import SqlStore
    from ondol.storage.tokens import Keyring

    folder.mkdir(exist_ok=True)
    store = SqlStore(f"sqlite:///{folder / 'state.db'}")
    directory = Directory(store, Keyring(folder / "key"))
    note = folder / "token"
    if not note.exists():
        note.write_text(directory.add_account(EMAIL)[1])
    weed = SeaweedSupervisor(folder / "objects")
    weed.start()
    listener = bind("127.0.0.1", 0)
    app = create_s3_app(directory, Backend(weed.url, weed.access_key, weed.secret_key))
    told = {
        "url": url_of(listener),
        "email": EMAIL,
        "token": note.read_text(),
        "pid": os.getpid(),
        "weed_pid": weed.pid,
    }
    print(json.dumps(told), flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    try:
        asyncio.run(server.serve(sockets=[listener]))
    except KeyboardInterrupt:
        pass
    finally:
        weed.stop(grace=0.2)
        store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
