"""The host's devices, as a sandbox that root starts may see them: to be used, not to be changed."""

from __future__ import annotations

import ctypes
import errno
import os

# What bubblewrap's --dev shows of the host: the very files, which a job of root's owns even without any capability.
_DEVICES = (b"/dev/null", b"/dev/zero", b"/dev/full", b"/dev/random", b"/dev/urandom", b"/dev/tty")
_CLONE_NEWNS = 0x00020000  # linux/sched.h
_MS_RDONLY, _MS_NOSUID, _MS_NOEXEC, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 8, 32, 4096, 16384, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)


def protect_devices() -> None:
    """Give the calling process mounts of its own in which the devices' modes, owners and times cannot be changed.

    A device on a read-only mount can still be read and written. Only where the process is root: nobody else may change
    them anyway. Raises OSError where the kernel refuses, but not where this root has no right to mount: then it has a
    user namespace around it.
    """
    if os.geteuid() != 0:
        return
    try:
        _check(_libc.unshare(_CLONE_NEWNS), b"/")
    except PermissionError:
        return
    _mount(None, b"/", _MS_REC | _MS_PRIVATE)  # what follows stays here
    for device in _DEVICES:
        try:
            _mount(device, device, _MS_BIND)
        except FileNotFoundError:
            continue
        _mount(None, device, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NOEXEC)


def _mount(source: bytes | None, target: bytes, flags: int) -> None:
    _check(_libc.mount(source, target, None, ctypes.c_ulong(flags), None), target)


def _check(result: int, path: bytes) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{os.strerror(code)} ({errno.errorcode.get(code, code)})", os.fsdecode(path))
