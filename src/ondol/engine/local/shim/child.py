"""Starts the job: a fork whose child puts itself behind the fence and becomes the job or its sandbox."""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal

from ondol.engine.local.fence import Fence
from ondol.engine.local.shim.devices import protect_devices
from ondol.engine.local.shim.order import Order

_PR_SET_PDEATHSIG = 1  # prctl(2)
_PR_SET_CHILD_SUBREAPER = 36
_SANDBOX_ARGS_FD = 4
_SANDBOX_STATUS_FD = 5
_libc = ctypes.CDLL(None, use_errno=True)


class LaunchError(Exception):
    """The job could not be started; the text says why."""


def become_subreaper() -> None:
    """Make orphans among our descendants our children instead of init's, so that none can leave."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(order: Order, fence: Fence, stdout_fd: int, stderr_fd: int, status_fd: int) -> int:
    """Start the job and give its pid; raises LaunchError.

    Parameters
    ----------
    stdout_fd, stderr_fd : where its output goes
    status_fd : where bubblewrap reports (``--json-status-fd 5``); not passed to a plain process
    """
    shim = os.getpid()
    # the child's end closes when it becomes the job: an empty read means that it did
    error_in, error_out = (_high(fd) for fd in os.pipe())
    pid = os.fork()
    if pid == 0:
        try:
            _prepare(order, fence, shim)
            _exec(order, stdout_fd, stderr_fd, status_fd)
        except BaseException as error:  # noqa: BLE001 - in the child: nothing may return into the shim's loop
            os.write(error_out, _reason(order, error).encode(errors="replace"))
        finally:
            os._exit(127)
    os.close(error_out)
    reason = os.read(error_in, 4096)
    os.close(error_in)
    if reason:
        os.waitpid(pid, 0)
        raise LaunchError(reason.decode(errors="replace"))
    return pid


def stay_with(shim: int) -> None:
    """Make the calling child one that ends with the shim and has the signals and masks of a fresh process."""
    os.setsid()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != shim:  # it died before the line above
        os._exit(127)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)  # ignored signals would stay ignored in the job
    os.umask(0o022)


def _prepare(order: Order, fence: Fence, shim: int) -> None:
    stay_with(shim)
    fence.join()
    if order.sandbox_args:
        protect_devices()
    os.chdir(order.work_dir)


def _exec(order: Order, stdout_fd: int, stderr_fd: int, status_fd: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(stdout_fd, 1)
    os.dup2(stderr_fd, 2)
    if order.sandbox_args:
        args_fd = _high(os.open(order.sandbox_args, os.O_RDONLY))
        status_fd = _high(status_fd)
        os.dup2(args_fd, _SANDBOX_ARGS_FD)
        os.dup2(status_fd, _SANDBOX_STATUS_FD)
        # The options come through a file so that no other user reads the job's variables in the process list, and
        # bubblewrap itself gets no variable of the job: an LD_PRELOAD there would act outside of the sandbox.
        os.execv(order.argv[0], order.argv)  # noqa: S606 - an engine starts programs, and never through a shell
    os.execvpe(order.argv[0], order.argv, order.environment)  # noqa: S606 - as above


def _high(fd: int) -> int:
    """Move a descriptor out of the way of those that the sandbox expects at fixed numbers; closed on exec."""
    moved: int = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(fd)
    return moved


def _reason(order: Order, error: BaseException) -> str:
    program = order.argv[0]
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"Program not found: {program}"
    if isinstance(error, PermissionError):
        return f"Program cannot be executed (permission denied): {program}"
    return f"Could not start {program}: {error}"
