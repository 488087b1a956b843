"""System calls that no job in a container may make: those that widen its rights or reach beyond its own processes."""

from __future__ import annotations

import platform
from pathlib import Path

_NAMESPACE_FLAGS = (  # every CLONE_NEW* of linux/sched.h; NEWTIME cannot be asked of clone, its bit means a signal
    0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_EPERM, _ENOSYS = 1, 38  # errno.h
_ARCHITECTURES = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
}
# Without capabilities most of these fail anyway; each was a way out of containers once, where a kernel erred. Left
# open, since programs live by them and they reach own processes only: ptrace, process_vm_readv, kcmp, personality.
_DENIED = (
    "acct", "add_key", "bpf", "clock_settime", "create_module", "delete_module", "fanotify_init", "finit_module",
    "fsconfig", "fsmount", "fsopen", "fspick", "get_kernel_syms", "init_module", "io_uring_enter",
    "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kexec_file_load", "kexec_load", "keyctl",
    "lookup_dcookie", "mount", "mount_setattr", "move_mount", "nfsservctl", "open_by_handle_at", "open_tree",
    "perf_event_open", "pidfd_getfd", "pivot_root", "query_module", "quotactl", "quotactl_fd", "reboot",
    "request_key", "setdomainname", "sethostname", "setns", "settimeofday", "stime", "swapoff", "swapon", "sysfs",
    "syslog", "umount", "umount2", "unshare", "uselib", "userfaultfd", "ustat", "vhangup", "vm86", "vm86old",
)  # fmt: skip


def seccomp() -> dict[str, object] | None:
    """Give the object ``linux.seccomp`` of an OCI specification; None where kernel or processor have no filter."""
    architectures = _ARCHITECTURES.get(platform.machine())
    if architectures is None or not Path("/proc/sys/kernel/seccomp/actions_avail").exists():
        return None
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": architectures,
        "syscalls": [
            {"names": list(_DENIED), "action": "SCMP_ACT_ERRNO", "errnoRet": _EPERM},
            # clone3 has its flags in memory, where no filter can see them: programs then fall back to clone.
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS},
            *(_clone_with(flag) for flag in _NAMESPACE_FLAGS),
        ],
    }


def _clone_with(flag: int) -> dict[str, object]:
    condition = {"index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"}
    return {"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": _EPERM, "args": [condition]}
