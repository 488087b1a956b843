"""Runs ipmitool: which arguments, how long, and what its failures mean."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

from ondol.model.connection import Connection
from ondol.model.errors import UnavailableError

LOCAL = "local"
"""Host that stands for this machine's own controller, reached through /dev/ipmi0."""

_TEXT_LONGEST = 300
_HINTS = (
    ("unable to establish", "wrong address, user or password, or IPMI over LAN is switched off"),
    ("could not open device", "this machine has no IPMI device, or it needs root: modprobe ipmi_devintf ipmi_si"),
    ("insufficient privilege", "the user needs the privilege level Administrator or Operator"),
    ("invalid command", "the controller has no DCMI power management"),
    ("data field", "the controller refuses the value"),
    ("out of range", "the controller refuses the value"),
)


class Ipmitool:
    """ipmitool for one controller. The password goes to it by the name of its file, never as an argument.

    Parameters
    ----------
    connection : host "local" for this machine's own controller
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def deadline_s(self) -> float:
        """By when a group of commands that begins now has to be done, in monotonic time [s]."""
        return time.monotonic() + self._connection.timeout_s

    def power(self, *words: str, until_s: float | None = None) -> str:
        """Run a `dcmi power` command and give what it prints.

        Parameters
        ----------
        until_s : as `deadline_s` told before the first of several commands

        Raises
        ------
        UnavailableError : there is no such program, it takes too long or fails
        """
        program = shutil.which("ipmitool")
        if program is None:
            raise UnavailableError("ipmitool is not installed: apt install ipmitool")
        left_s = (self.deadline_s() if until_s is None else until_s) - time.monotonic()
        late = f"{self._connection.host} did not answer within {self._connection.timeout_s:g} s"
        if left_s <= 0:
            raise UnavailableError(late)
        try:
            done = subprocess.run(
                [program, *self._whom(), "dcmi", "power", *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=left_s,
                check=False,
                env={**os.environ, "LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired:
            raise UnavailableError(late) from None
        except OSError as error:
            raise UnavailableError(f"ipmitool cannot be run: {error}") from None
        if done.returncode != 0:
            raise UnavailableError(self._failure(f"{done.stderr}\n{done.stdout}"))
        return done.stdout

    def _whom(self) -> list[str]:
        connection = self._connection
        if connection.host == LOCAL:
            return ["-I", "open"]
        words = ["-I", "lanplus", "-H", connection.host]
        if connection.port:
            words += ["-p", str(connection.port)]
        if connection.user:
            words += ["-U", connection.user]
        if connection.password_file:
            words += ["-f", connection.password_file]
        return words

    def _failure(self, text: str) -> str:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        told = (lines[0] if lines else "no word why")[:_TEXT_LONGEST]
        hint = next((words for sign, words in _HINTS if sign in text.lower()), "")
        return f"ipmitool: {told}" + (f" ({hint})" if hint else "")
