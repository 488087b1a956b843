"""Supervisor of the SeaweedFS that stands behind our S3 front: start, watch, restart, stop."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from ondol.model.errors import NotFoundError, UnavailableError
from ondol.storage.objects import tether, weed_record
from ondol.storage.objects.s3 import S3ObjectStore
from ondol.storage.objects.weed_command import (
    LOOPBACK,
    WeedPorts,
    find_weed,
    free_ports,
    weed_command,
    weed_environment,
    write_identity,
)
from ondol.storage.objects.weed_tls import write_certificates

_ATTEMPTS = 3
_POLL_S = 0.05
_PROBE_BUCKET, _PROBE_KEY, _PROBE = "ondol-probe", "alive", b"ondol"


class SeaweedSupervisor:
    """One SeaweedFS on loopback whose life is tied to this process.

    Parameters
    ----------
    folder : where everything of it lives: ``data/``, ``weed.log``, ``s3.json`` (mode 0600), ``weed.json``
    memory_mb : soft limit of its heap [MiB], ≥ 64; resident memory goes somewhat above
    program : path of ``weed``; found by itself when not given

    ``access_key`` and ``secret_key`` are random and new for each supervisor; ``url`` is known after `start` and stays
    the same over restarts. All methods may be called from any thread; they block.
    """

    def __init__(self, folder: Path, *, memory_mb: int = 384, program: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.access_key = "ondol" + secrets.token_hex(8)
        self.secret_key = secrets.token_hex(32)
        self._memory_mb = memory_mb
        self._program = program
        self._ports: WeedPorts | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()

    @property
    def url(self) -> str:
        """The S3 endpoint, e.g. ``http://127.0.0.1:40321``; UnavailableError before the first start."""
        if self._ports is None:
            raise UnavailableError("The object store has not been started: call start() first")
        return f"http://{LOOPBACK}:{self._ports.s3}"

    @property
    def pid(self) -> int | None:
        """Process id of the running SeaweedFS, None when it does not run."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self, timeout: float = 30.0) -> None:
        """Start it and wait until S3 answers; nothing happens when it runs already.

        Parameters
        ----------
        timeout : longest wait for the first answer [s], > 0, over all attempts

        Raises ConflictError when another living platform uses the folder, UnavailableError when it does not come up.
        """
        with self._lock:
            if self.alive():
                return
            program = self._program or find_weed()
            (self.folder / "data").mkdir(parents=True, exist_ok=True)
            weed_record.end_stale(self.folder)
            write_identity(self._identity, self.access_key, self.secret_key)
            deadline = time.monotonic() + timeout
            for attempt in range(_ATTEMPTS):
                # A restart keeps its ports; should another program have taken one since, only S3's own must stay.
                ports = self._ports if self._ports and attempt == 0 else free_ports(s3=self._known_s3_port())
                self._launch(program, ports)
                if self._wait_for_s3(ports.s3, deadline) and self._wait_for_data(ports.s3, deadline):
                    self._ports = ports
                    return
                self._end(grace=0.0)
                if time.monotonic() >= deadline:
                    break
            raise UnavailableError(
                f"SeaweedFS did not answer within {timeout:g} s; read {self._log}. It ends with:\n{self._log_tail()}"
            )

    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self.pid is not None

    def restart_if_dead(self, timeout: float = 30.0) -> bool:
        """Start it again, on the same S3 port and data, when it was started and has died; True when that was done.

        Parameters and errors as `start`.
        """
        with self._lock:
            if self._process is None or self.alive():
                return False
            self.start(timeout)
            return True

    def stop(self, grace: float = 0.3) -> None:
        """End it: terminate, wait, then kill. Safe at any time: every answered write is with the kernel by then.

        Parameters
        ----------
        grace : how long it may take to end by itself [s], ≥ 0; SeaweedFS often takes over ten, or for ever
        """
        with self._lock:
            self._end(grace)
            self._process = None
            self._identity.unlink(missing_ok=True)

    @property
    def _identity(self) -> Path:
        return self.folder / "s3.json"

    @property
    def _log(self) -> Path:
        return self.folder / "weed.log"

    def _known_s3_port(self) -> int | None:
        return None if self._ports is None else self._ports.s3

    def _launch(self, program: Path, ports: WeedPorts) -> None:
        """Start the process from a thread that lives as long as it: the kernel ties the child to that thread."""
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".log.1"))
        command = weed_command(program, self.folder, self._identity, ports)
        tethered = [sys.executable, "-I", "-S", str(tether.__file__), str(os.getpid()), *command]
        environment = weed_environment(self.folder, self._memory_mb) | write_certificates(self.folder)
        started: list[subprocess.Popen[bytes] | OSError] = []
        ready = threading.Event()

        def keep() -> None:
            try:
                with self._log.open("wb") as log:
                    process = subprocess.Popen(
                        tethered,
                        cwd=self.folder,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
            except OSError as refused:
                started.append(refused)
                ready.set()
                return
            started.append(process)
            ready.set()
            process.wait()

        threading.Thread(target=keep, name="seaweed-keeper", daemon=True).start()
        ready.wait()
        outcome = started[0]
        if isinstance(outcome, OSError):
            raise UnavailableError(f"Could not start {program}: {outcome.strerror}; see 'ondol doctor'") from outcome
        self._process = outcome
        weed_record.write(self.folder, outcome.pid, ports)

    def _wait_for_s3(self, port: int, deadline: float) -> bool:
        """Wait until S3 answers anything; False when the process ended or the time is over."""
        while self.alive() and time.monotonic() < deadline:
            connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2.0)
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                if answer.getheader("Server", "").startswith("SeaweedFS") and self.alive():
                    return True
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            time.sleep(_POLL_S)
        return False

    def _wait_for_data(self, port: int, deadline: float) -> bool:
        """Wait until an object of our own can be read: S3 answers seconds before the volumes have joined."""
        store = S3ObjectStore(f"http://{LOOPBACK}:{port}", self.access_key, self.secret_key, tries=1)
        while self.alive() and time.monotonic() < deadline:
            try:
                if store.get_bytes(_PROBE_BUCKET, _PROBE_KEY) == _PROBE:
                    return True
            except NotFoundError:
                with contextlib.suppress(UnavailableError):
                    store.create_bucket(_PROBE_BUCKET)
                    store.put_bytes(_PROBE_BUCKET, _PROBE_KEY, _PROBE)
                    continue
            except UnavailableError:
                pass
            time.sleep(_POLL_S)
        return False

    def _end(self, grace: float) -> None:
        process = self._process
        if process is None:
            return
        for sign, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
            if process.poll() is not None or (sign is signal.SIGTERM and grace <= 0):
                continue
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(wait)
        weed_record.clear(self.folder)

    def _log_tail(self) -> str:
        try:
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
        except OSError:
            return "(no log)"
