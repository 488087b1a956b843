"""A PostgreSQL server of its own, in a folder of its own, for tests and benchmarks."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ondol.storage.objects.tether import PR_SET_PDEATHSIG

START_S = 30.0  # most that a start may take on a busy machine
STOP_S = 15.0
_USER = "postgres"  # Debian's; the server refuses to run as root


def programs() -> Path | None:
    """Folder of initdb and postgres, None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    candidates = ([Path(found).resolve().parent] if found else []) + folders
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)


def missing() -> str:
    """Why no server can be run here, "" where it can; the words are known to `skip_rule`."""
    if programs() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    return ""


def _die_with_parent() -> None:
    """Between fork and exec, after the change of user (which would undo it)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


class PostgresServer:
    """One server on a Unix socket.

    Parameters
    ----------
    folder : empty or not there; owned by the server's user afterwards
    options : settings for the server, e.g. ``fsync="off"``
    """

    def __init__(self, folder: Path, **options: str) -> None:
        bin_dir = programs()
        assert bin_dir is not None
        self._bin, self.folder, self._options = bin_dir, folder, options
        self._process: subprocess.Popen[bytes] | None = None
        self._as_user: dict[str, object] = {}
        folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder, _USER, _USER)
            self._as_user = {"user": _USER, "group": _USER, "extra_groups": []}
        self._run("initdb", "-D", str(folder / "data"), "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def url(self, database: str) -> str:
        """SQLAlchemy URL of one of its databases."""
        return f"postgresql+psycopg://{_USER}@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run one statement outside of any transaction, as the superuser."""
        with psycopg.connect(host=str(self.folder), user=_USER, dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.folder), **self._options}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self.folder / "data"), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                preexec_fn=_die_with_parent,  # noqa: PLW1509  # one call of the C library, nothing that takes a lock
                **self._as_user,  # type: ignore[call-overload]
            )  # fmt: skip
        end = time.monotonic() + START_S
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self, how: int = signal.SIGINT) -> None:
        """Stop; SIGINT ends every session in order, SIGQUIT leaves all as a crash would."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_S)
        self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / program), *arguments], check=True, capture_output=True, timeout=60, cwd="/",
            **self._as_user,  # type: ignore[call-overload]
        )  # fmt: skip


@contextmanager
def running(**options: str) -> Iterator[PostgresServer]:
    """A server in a temporary folder, gone with it afterwards."""
    with tempfile.TemporaryDirectory(prefix="ondol-pg-") as name:
        Path(name).chmod(0o755)  # the server's own user has to pass
        server = PostgresServer(Path(name) / "s", **options)
        try:
            yield server
        finally:
            server.stop()
