"""The life of one attempt as its shim sees it: start, watch, obey, end."""
# ruff: noqa: PTH116
# Pathlib would double the start-up time

from __future__ import annotations

import os
import select
import signal
import time

from ondol.engine.local import record
from ondol.engine.local.fence import Fence
from ondol.engine.local.group import open_group
from ondol.engine.local.procfs import descendants, start_ticks
from ondol.engine.local.shim.child import LaunchError, become_subreaper, start
from ondol.engine.local.shim.container import Container
from ondol.engine.local.shim.held import hold
from ondol.engine.local.shim.lease import Lease
from ondol.engine.local.shim.order import LOCK_FD, Order, read_control, read_order
from ondol.engine.local.shim.pump import Pump
from ondol.engine.local.shim.verdict import exit_code, launch_message, sandbox_failed
from ondol.engine.local.tree_fence import TreeFence

_TICK_S = 0.2
_KILL_TICK_S = 0.02


def run(order_path: str) -> None:
    """Stand over the attempt of an order file until it has ended and its record is on the disk."""
    os.set_inheritable(LOCK_FD, False)
    os.chdir("/")
    order = read_order(order_path)
    wake_fd = _catch_signals()
    become_subreaper()
    attempt = _Attempt(order, wake_fd)
    try:
        attempt.live()
    except Exception as error:
        attempt.give_up(error)
        raise  # into the shim's log


def _catch_signals() -> int:
    """Turn the signals that concern us into bytes of a pipe; gives its reading end."""
    wake_in, wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_out, warn_on_full_buffer=False)
    for number in (signal.SIGUSR1, signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return wake_in


class _Attempt:
    def __init__(self, order: Order, wake_fd: int) -> None:
        self._order = order
        self._wake_fd = wake_fd
        self._record_fd = record.open_record(order.folder + "/status", create=True)
        self._status: dict[str, object] = {
            "state": "starting",
            "shim_pid": os.getpid(),
            "shim_start": start_ticks(os.getpid()),
            "cpu_s": 0.0,
            "memory_bytes": 0,
            "memory_peak_bytes": 0,
            "exit_code": None,
            "cause": None,
            "started_at_s": None,
            "ended_at_s": None,
            "message": "",
            "held": False,
        }
        self._fence: Fence | None = None
        self._container: Container | None = None
        self._main_pid = 0
        self._exit_status: int | None = None
        self._paused = False
        self._cores = order.host_cores
        self._cause = ""
        self._kill_at_s: float | None = None
        self._control_seen = (0, 0)
        self._started_at_s = time.monotonic()
        self._lease = Lease(order.lease_file, order.lease_s, self._started_at_s)
        self._pumps: list[Pump] = []
        self._status_in = -1

    def live(self) -> None:
        """Run the attempt from start to end."""
        self._store()
        try:
            self._pumps = [
                Pump(f"{self._order.folder}/{n}", self._order.output_limit_bytes) for n in ("stdout", "stderr")
            ]
            if self._order.hold and not self._order.argv and self._order.container is None:
                self._hold()
                return
            self._status_in, status_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            self._fence = self._make_fence()
            self._main_pid = self._start_job(self._fence, status_out)
        except (LaunchError, OSError) as error:
            self._end("launch_failed", None, str(error))
            return
        os.close(status_out)
        for pump in self._pumps:
            pump.close_write_end()
        self._status.update(state="running", started_at_s=time.time())
        self._store()
        self._watch(self._fence)
        if self._order.hold and not self._cause and self._exit_status == 0:
            self._measure(self._fence)
            self._hold()
        else:
            self._conclude()

    def _hold(self) -> None:
        """Stay without a process, then end as was asked."""
        for pump in self._pumps:
            pump.carry()
        self._status.update(held=True, memory_bytes=0, started_at_s=self._status["started_at_s"] or time.time())

        def tell(state: str) -> None:
            self._status["state"] = state
            self._store(durable=True)

        cause, message = hold(self._order, self._lease, self._wake_fd, tell)
        self._end(cause, None, message)

    def _start_job(self, fence: Fence, status_fd: int) -> int:
        order, (out, err) = self._order, self._pumps
        if order.container is None or order.group is None:
            return start(order, fence, out.write_fd, err.write_fd, status_fd)
        self._container = Container(order.container)
        pid = self._container.start(fence, out.write_fd, err.write_fd)
        # Only now: until it became the job, runc needed more threads and more speed than the job may have.
        pids = order.pids_limit + self._container.beside if order.pids_limit else 0
        open_group(order.group).create(order.memory_limit_bytes, pids)
        fence.set_cores(order.host_cores)
        return pid

    def give_up(self, error: Exception) -> None:
        """End the attempt after a mistake of ours or of the machine: nothing may run without a shim."""
        while not self._reap():
            for stat in descendants(os.getpid()):
                os.kill(stat.pid, signal.SIGKILL)
            time.sleep(_KILL_TICK_S)
        self._end("lost", None, f"Its supervising process failed: {error!r}")

    def _make_fence(self) -> Fence:
        order = self._order
        if order.group is None:
            fence: Fence = TreeFence(order.memory_limit_bytes, order.pids_limit, time.monotonic())
            fence.set_cores(order.host_cores)
        else:
            group = open_group(order.group)
            if order.container is None:
                group.create(order.memory_limit_bytes, order.pids_limit)
                group.set_cores(order.host_cores)
            else:
                group.create(order.memory_limit_bytes, 0)
            fence = group
        return fence

    def _watch(self, fence: Fence) -> None:
        """Loop until no process of the attempt is left."""
        poller = select.poll()
        for fd in (self._wake_fd, *(pump.read_fd for pump in self._pumps)):
            poller.register(fd, select.POLLIN)
        tick_at_s = duty_at_s = 0.0
        woken, ending, nobody_left = True, False, False
        while True:
            self._carry(poller)
            now = time.monotonic()
            if woken or ending or now >= tick_at_s:
                nobody_left = self._reap()
                if self._obey(fence, now):
                    duty_at_s = 0.0
            if now >= tick_at_s:
                tick_at_s = now + _TICK_S
                self._check_limits(fence, now)
                self._measure(fence)
            ending = self._exit_status is not None or (self._kill_at_s is not None and now >= self._kill_at_s)
            if ending and nobody_left:
                return
            if ending:
                fence.kill()
                next_s = now + _KILL_TICK_S
            else:
                if now >= duty_at_s:
                    duty_at_s = now + fence.tick(now)
                next_s = min(tick_at_s, duty_at_s)
            poller.poll(max(0.0, next_s - time.monotonic()) * 1000 + 0.5)
            woken = self._drain_wakeups()

    def _carry(self, poller: select.poll) -> None:
        for pump in self._pumps:
            if pump.open and not pump.carry():
                poller.unregister(pump.read_fd)

    def _drain_wakeups(self) -> bool:
        """Empty the pipe of signals; tells whether there was one."""
        woken = False
        try:
            while data := os.read(self._wake_fd, 512):
                woken = True
                if signal.SIGTERM in data:  # somebody ends the shim: that ends the attempt
                    self._ask_to_end("stopped", "Its supervising process was asked to end", self._order.grace_s)
        except BlockingIOError:
            pass
        return woken

    def _reap(self) -> bool:
        """Collect the dead; tells whether no descendant is left, which is certain because orphans come to us."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return False
                if pid == self._main_pid:
                    self._exit_status = status
        except ChildProcessError:
            return True

    def _obey(self, fence: Fence, now: float) -> bool:
        """Do what the control file asks where it changed; tells whether it did."""
        path = self._order.folder + "/control.json"
        try:
            stat = os.stat(path)
        except OSError:
            return False
        seen = (stat.st_ino, stat.st_mtime_ns)
        if seen == self._control_seen or self._exit_status is not None:
            return False
        self._control_seen = seen
        control = read_control(path)
        if control is None:
            return False
        if control.host_cores != self._cores:
            self._cores = control.host_cores
            fence.set_cores(control.host_cores)
        if control.stop_grace_s is not None:
            self._ask_to_end("stopped", "", control.stop_grace_s, now)
        elif control.paused != self._paused and not self._cause:
            self._paused = control.paused
            if control.paused:
                fence.freeze()
            else:
                fence.thaw()
            self._measure(fence)
        return True

    def _ask_to_end(self, cause: str, message: str, grace_s: float, now: float | None = None) -> None:
        """SIGTERM now, SIGKILL after the grace; asked again, the earlier end holds."""
        end = (time.monotonic() if now is None else now) + grace_s
        if self._kill_at_s is not None:
            self._kill_at_s = min(self._kill_at_s, end)
            return
        self._cause, self._kill_at_s = cause, end
        self._status.update(state="stopping", message=message)
        self._paused = False
        if self._fence is not None:
            self._fence.thaw()
        pids = self._job_pids()
        # The first process first: a shell that hears nothing would go on to its next line when its child ends.
        if self._container is not None:
            self._container.ask_to_end()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGTERM)
            except OSError:
                continue
        self._store()

    def _job_pids(self) -> list[int]:
        """Pids of the job itself, without those of its sandbox: their end would be a kill without grace."""
        found = descendants(os.getpid())
        if self._container is not None:
            return [stat.pid for stat in found if stat.pid not in self._container.aside]
        if self._order.sandbox_args:
            sandbox = {self._main_pid, *(stat.pid for stat in found if stat.ppid == self._main_pid)}
            return [stat.pid for stat in found if stat.pid not in sandbox]
        return [stat.pid for stat in found]

    def _check_limits(self, fence: Fence, now: float) -> None:
        if self._kill_at_s is not None or self._exit_status is not None:
            return
        order = self._order
        breach = fence.breach()
        if breach == "memory":
            self._ask_to_end("memory_limit", f"It needed more than {order.memory_limit_bytes} bytes of memory", 0.0)
        elif breach == "pids":
            self._ask_to_end("stopped", f"It started more than {order.pids_limit} processes and threads", 0.0)
        elif order.time_limit_s and now - self._started_at_s >= order.time_limit_s:
            self._ask_to_end("time_limit", f"It ran longer than {order.time_limit_s:g} s", order.grace_s)
        elif self._lease.over(now):
            self._ask_to_end("lost", f"The platform was gone for {order.lease_s:g} s", order.grace_s)

    def _measure(self, fence: Fence) -> None:
        try:
            memory = fence.memory_bytes()
            cpu_s = fence.cpu_s()
            frozen = self._paused and fence.frozen()
        except OSError:  # the group is being taken away from us: keep the last figures
            return
        status = self._status
        status["cpu_s"] = max(float(str(status["cpu_s"])), cpu_s)
        status["memory_bytes"] = memory
        status["memory_peak_bytes"] = max(int(str(status["memory_peak_bytes"])), memory)
        if status["state"] != "stopping":
            status["state"] = "paused" if frozen else "running"
        self._store()

    def _conclude(self) -> None:
        """Name the cause of the end, once nobody is left."""
        fence, status = self._fence, self._exit_status or 0
        for pump in self._pumps:
            pump.carry()
        code = exit_code(status)
        message = str(self._status["message"])
        cause = self._cause or "exited"
        if fence is not None:
            self._measure(fence)
            if not self._cause and code != 0 and fence.breach() == "memory":
                cause = "memory_limit"
                message = f"It needed more than {self._order.memory_limit_bytes} bytes of memory"
        if not self._cause and self._order.sandbox_args and code != 0 and sandbox_failed(status, self._status_in):
            why = launch_message(self._order.folder + "/stderr")
            self._end("launch_failed", None, why)
            return
        if not self._cause and self._container is not None:
            why = self._container.init_failed(status, self._order.folder)
            if why:
                self._end("launch_failed", None, why)
                return
        by_us = self._cause and code in (128 + signal.SIGTERM, 128 + signal.SIGKILL)
        message = message or next((pump.error for pump in self._pumps if pump.error), "")
        self._end(cause, None if by_us else code, message)

    def _end(self, cause: str, exit_code: int | None, message: str) -> None:
        for pump in self._pumps:
            pump.finish()
        self._status.update(state="ended", cause=cause, exit_code=exit_code, message=message, ended_at_s=time.time())
        self._status["memory_bytes"] = 0
        self._store(durable=True)
        if self._fence is not None:
            try:
                self._fence.remove()
            except OSError:
                return  # the engine tries again at release

    def _store(self, *, durable: bool = False) -> None:
        try:
            record.store(self._record_fd, self._status, durable=durable)
        except OSError:
            return  # nobody to tell; the next one may work
