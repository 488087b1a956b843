"""A Mosquitto of our own on a free port of this machine, for a desk without a broker."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from ondol.model.errors import UnavailableError

_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
_WAIT_S = 5.0


class OwnBroker:
    """Mosquitto on loopback, for anybody on this machine, without a password; ends with `close`."""

    def __init__(self) -> None:
        self.host, self.port = "127.0.0.1", 0
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def open(self) -> None:
        """Start it; returns when it answers.

        Raises
        ------
        UnavailableError : Mosquitto is not installed, or does not start
        """
        program = shutil.which("mosquitto") or next(
            (found for place in _PLACES if (found := shutil.which("mosquitto", path=place))), None
        )
        if program is None:
            raise UnavailableError(
                "Mosquitto is not installed; install it (Debian: apt install mosquitto), or name a broker."
            )
        with socket.socket() as free:  # taken and given back: what else is started meanwhile gets another number
            free.bind((self.host, 0))
            self.port = free.getsockname()[1]
        self._folder = tempfile.TemporaryDirectory(prefix="ondol-sim-broker-")
        settings = Path(self._folder.name) / "mosquitto.conf"
        settings.write_text(f"listener {self.port} {self.host}\nallow_anonymous true\npersistence false\n")
        self._process = subprocess.Popen(
            [program, "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + _WAIT_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection((self.host, self.port), timeout=0.5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        self.close()
        raise UnavailableError(f"{program} does not listen on {self.host}:{self.port}; see whether it starts by hand.")

    def close(self) -> None:
        """Stop it; may be called twice."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_WAIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
