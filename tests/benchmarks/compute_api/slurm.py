"""A Slurm controller of its own (munge and slurmctld, no node is up), to submit the same number of jobs to."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

START_S = 20.0
STOP_S = 10.0
_PROGRAMS = ("munged", "slurmctld", "sbatch", "sinfo", "squeue")


def missing() -> str:
    """Why there is no Slurm here, "" where there is."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    absent = [name for name in _PROGRAMS if shutil.which(name, path=path) is None]
    if absent:
        return f"no {', '.join(absent)} (Debian: apt-get install slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "munged and slurmctld are started as root here"


class Slurm:
    """Munge and slurmctld with all state in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (folder / "state").mkdir()
        (folder / "key").write_bytes(os.urandom(1024))
        (folder / "key").chmod(0o400)
        name = socket.gethostname().partition(".")[0]
        (folder / "slurm.conf").write_text(
            f"""ClusterName=bench
SlurmctldHost={name}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SchedulerType=sched/backfill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
MaxJobCount=500000
MaxArraySize=100001
NodeName=n1 CPUs=64 State=DOWN
PartitionName=p Nodes=n1 Default=YES MaxTime=INFINITE State=UP
"""
        )
        (folder / "job.sh").write_text("#!/bin/sh\n# " + "x" * 300 + "\nsleep 1\n")
        self._environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        self._environment["PATH"] = f"{os.environ.get('PATH', '')}:/usr/sbin"
        self._processes = [self._daemon(
            "munged", "--foreground", "--force", f"--key-file={folder}/key", f"--socket={folder}/munge.socket",
            f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/seed",
        )]  # fmt: skip
        self._wait((folder / "munge.socket").exists)
        self._processes.append(self._daemon("slurmctld", "-D"))
        self._wait(lambda: self._run("sinfo", "-h").returncode == 0)

    def single(self, jobs: int, at_once: int) -> float:
        """Submit jobs by one `sbatch` each, so many at the same time [s]."""
        with ThreadPoolExecutor(at_once) as pool:
            begun = time.perf_counter()
            done = list(pool.map(lambda _: self._sbatch(), range(jobs)))
            took_s = time.perf_counter() - begun
        return self._checked(done, took_s)

    def arrays(self, arrays: int, size: int, at_once: int) -> float:
        """Submit job arrays by one `sbatch --array` each, so many at the same time [s]."""
        with ThreadPoolExecutor(at_once) as pool:
            begun = time.perf_counter()
            done = list(pool.map(lambda _: self._sbatch(f"--array=0-{size - 1}"), range(arrays)))
            took_s = time.perf_counter() - begun
        return self._checked(done, took_s)

    def queued(self) -> int:
        """Jobs and elements of arrays in the queue."""
        listed = self._run("squeue", "-h", "-r", "-o", "%i")
        return len(listed.stdout.split())

    def kill_and_start(self) -> None:
        """`kill -9` of slurmctld, and a new one on the same state."""
        self._processes[1].kill()
        self._processes[1].wait(STOP_S)
        self._processes[1] = self._daemon("slurmctld", "-D")
        self._wait(lambda: self._run("sinfo", "-h").returncode == 0)

    def cpu_s(self) -> float:
        """CPU time of slurmctld so far [s]."""
        fields = Path(f"/proc/{self._processes[1].pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_S)

    def _sbatch(self, *more: str) -> subprocess.CompletedProcess[str]:
        return self._run("sbatch", "--parsable", *more, str(self.folder / "job.sh"))

    def _checked(self, done: list[subprocess.CompletedProcess[str]], took_s: float) -> float:
        failed = [one.stderr for one in done if one.returncode]
        if failed:
            raise RuntimeError(f"{len(failed)} of {len(done)} calls of sbatch failed: {failed[0]}")
        return took_s

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False, timeout=60, cwd=self.folder
        )

    def _daemon(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{command[0]}.out").open("ab") as log:
            return subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _wait(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + START_S
        while not true():
            if time.monotonic() > end or any(process.poll() is not None for process in self._processes):
                self.stop()
                raise RuntimeError(f"Slurm does not start: see {self.folder}")
            time.sleep(0.05)


def children_cpu_s() -> float:
    """CPU time of all ended children of this process: what the calls of sbatch cost [s]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
