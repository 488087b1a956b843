"""Become another program that dies with its parent: ``python -I -S tether.py PARENT_PID PROGRAM ARG...``.

Run as a file of its own, so that the kernel's parent-death signal is set after the fork without running Python code
in a forked, threaded process (unsafe, see the warning on ``preexec_fn`` in the ``subprocess`` documentation).
Source of the call: prctl(2), ``PR_SET_PDEATHSIG``; it survives execve(2) of a program that is not set-user-id.
The signal is sent when the *thread* that forked ends, so the forking thread must live as long as the child should.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, then execute the program named by the arguments.

    Parameters
    ----------
    arguments : the parent's process id, then the program's path and its arguments

    Raises SystemExit when the parent has gone already or the kernel refuses.
    """
    parent, program = int(arguments[0]), arguments[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise SystemExit(f"prctl(PR_SET_PDEATHSIG) refused: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # it died before the line above could take effect
        raise SystemExit("the parent process has gone")
    os.execv(program[0], program)  # noqa: S606  a list, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
