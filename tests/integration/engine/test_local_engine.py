"""The local engine, in a sandbox with cgroups and as plain processes with duty cycles, held to the contract."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondol.engine.local.engine import LocalEngine
from ondol.engine.local.procfs import read_bytes, read_stat
from ondol.engine.ports import EndCause, LaunchOrder, RunState
from ondol.model.errors import ConflictError, UnavailableError
from ondol.model.ids import AttemptId

_spec = importlib.util.spec_from_file_location("engine_contract", Path(__file__).with_name("contract.py"))
assert _spec is not None
assert _spec.loader is not None
contract = importlib.util.module_from_spec(_spec)
sys.modules["engine_contract"] = contract
_spec.loader.exec_module(contract)

SETUPS = {
    "sandboxed": {"sandbox": "bubblewrap", "limits": "cgroup"},
    "plain": {"sandbox": "none", "limits": "duty-cycle"},
    "sandboxed-duty": {"sandbox": "bubblewrap", "limits": "duty-cycle"},
}
HOST = """
import sys, time
from pathlib import Path
from ondol.engine.local.engine import LocalEngine
from ondol.engine.ports import LaunchOrder
root = Path(sys.argv[1])
engine = LocalEngine(root / "state", sandbox=sys.argv[2], limits=sys.argv[3])
engine.launch(LaunchOrder(attempt_id="adopted", node_id="n", argv=("python", "-u", "-I", "-S", "-c", sys.argv[4]),
                          job_dir=root))
print("launched", flush=True)
time.sleep(600)
"""


def marked(marker: str) -> list[int]:
    """Pids of every living process whose environment or command line holds `marker`."""
    found = []
    for path in Path("/proc").iterdir():
        name = path.name
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            text = read_bytes(f"/proc/{name}/environ") + read_bytes(f"/proc/{name}/cmdline")
        except OSError:
            continue
        stat = read_stat(int(name))
        if marker.encode() in text and stat is not None and not stat.dead:
            found.append(int(name))
    return found


def nobody_left(marker: str, timeout_s: float = 3.0) -> bool:
    end = time.monotonic() + timeout_s
    while left := marked(marker):
        if time.monotonic() > end:
            print("left:", [(pid, read_bytes(f"/proc/{pid}/cmdline")) for pid in left])
            return False
        time.sleep(0.02)
    return True


def make(setup: str, folder: Path, **more: object) -> LocalEngine:
    try:
        return LocalEngine(folder / "state", **SETUPS[setup], **more)  # type: ignore[arg-type]
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sandboxed", "plain"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[object]:
    engine = make(request.param, tmp_path)
    bench = contract.Bench(engine, tmp_path)
    yield bench
    for report in bench.engine.poll():
        bench.engine.stop(report.attempt_id, 0.0)
    for report in bench.engine.poll():
        bench.wait(report.attempt_id, RunState.ENDED)
        bench.engine.release(report.attempt_id)
    bench.engine.close()
    assert nobody_left(str(tmp_path))
    assert list((tmp_path / "state" / "attempts").iterdir()) == []


class TestLocalEngine(contract.EngineContract):
    """The contract, and what only real processes can show."""

    def test_the_job_has_its_variables_and_none_of_ours(self, bench, monkeypatch) -> None:
        monkeypatch.setenv("PLATFORM_SECRET", "x")
        code = (
            "import os; print(sorted(os.environ)); print(os.getcwd() == os.environ['ONDOL_JOB_DIR'], os.environ['A'])"
        )
        checkpoint = bench.folder / "checkpoint"
        checkpoint.mkdir()
        attempt = bench.launch("env", code, environment={"A": "b c\n'd'"}, checkpoint_dir=checkpoint)
        bench.wait(attempt, RunState.ENDED)
        out = bench.engine.output(attempt, "stdout").decode()
        assert "PLATFORM_SECRET" not in out
        for name in ("PATH", "HOME", "TMPDIR", "ONDOL_CHECKPOINT_DIR"):
            assert name in out
        assert "True b c\n'd'" in out

    def test_job_folder_and_checkpoint_are_where_the_engine_says(self, bench) -> None:
        checkpoint = bench.folder / "checkpoint"
        checkpoint.mkdir()
        order = bench.order("inside", "", checkpoint_dir=checkpoint)
        job, kept = bench.engine.inside_paths(order)
        code = f"open({job!r} + '/result', 'w').write('r'); open({kept!r} + '/state', 'w').write('s')"
        report = bench.wait(bench.launch("inside", code, checkpoint_dir=checkpoint), RunState.ENDED)
        assert report.exit_code == 0
        assert (order.job_dir / "result").read_text() == "r"
        assert (checkpoint / "state").read_text() == "s"

    def test_a_job_can_use_the_packages_of_this_python(self, bench) -> None:
        order = bench.order("numpy", "")
        argv = ("python", "-c", "import numpy, ondol; print(numpy.ones(3).sum())")
        order = LaunchOrder(attempt_id=order.attempt_id, node_id=order.node_id, argv=argv, job_dir=order.job_dir)
        bench.engine.launch(order)
        bench.wait(order.attempt_id, RunState.ENDED)
        assert bench.engine.output(order.attempt_id, "stdout") == b"3.0\n", bench.engine.output("numpy", "stderr")

    def test_descendants_that_hide_are_killed_with_the_job(self, bench) -> None:
        """They fork twice, take sessions of their own and ignore SIGTERM."""
        code = (
            "import os, signal, time\n"
            "for i in range(8):\n"
            "    if os.fork() == 0:\n"
            "        os.setsid()\n"
            "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "        if os.fork(): os._exit(0)\n"
            "        os.setsid()\n"
            "        time.sleep(600)\n"
            "print('up'); time.sleep(600)"
        )
        attempt = bench.launch("hiding", code, environment={"HIDING": "place-7731"})
        bench.printed(attempt, b"up")
        bench.until(attempt, lambda _report: len(marked("place-7731")) >= 9)
        bench.engine.stop(attempt, 0.3)
        assert bench.wait(attempt, RunState.ENDED).cause is EndCause.STOPPED
        assert marked("place-7731") == []

    def test_leftovers_of_a_job_that_ended_are_killed(self, bench) -> None:
        code = "import os, time\nif os.fork() == 0: os.setsid(); time.sleep(600)\nraise SystemExit(3)"
        attempt = bench.launch("leaving", code, environment={"LEAVING": "place-7732"})
        assert bench.wait(attempt, RunState.ENDED).exit_code == 3
        assert marked("place-7732") == []

    def test_a_fork_bomb_is_contained(self, bench) -> None:
        """Bounded by itself too (9 generations), so that a broken engine does not take the machine along."""
        fork = "  try: os.fork()\n  except OSError: pass\n  time.sleep(0.05)\n"
        code = f"import os, time\nfor _ in range(9):\n{fork}time.sleep(600)"
        attempt = bench.launch("bomb", code, pids_limit=24, environment={"BOMB": "place-7733"})
        bench.pass_time(1.2)
        report = bench.report(attempt)
        if report.state is not RunState.ENDED:
            assert len(marked("place-7733")) <= 26
            bench.engine.stop(attempt, 0.0)
            bench.wait(attempt, RunState.ENDED)
        else:
            assert "more than" in report.message
        assert marked("place-7733") == []

    def test_a_memory_hog_ends_with_memory_limit(self, bench) -> None:
        code = "import time\nhog = []\nwhile True: hog.append(bytearray(4 << 20)); time.sleep(0.005)"
        attempt = bench.launch("hog", code, memory_limit_bytes=96 << 20)
        report = bench.wait(attempt, RunState.ENDED)
        assert report.cause is EndCause.MEMORY_LIMIT
        assert str(96 << 20) in report.message

    def test_a_flood_of_output_is_capped_and_the_job_goes_on(self, bench) -> None:
        code = "import sys\nfor _ in range(4000): sys.stdout.write('x' * 4096)\nsys.stderr.write('done')"
        attempt = bench.launch("flood", code, output_limit_bytes=100_000)
        report = bench.wait(attempt, RunState.ENDED)
        assert (report.cause, report.exit_code) == (EndCause.EXITED, 0)
        kept = bench.engine.output(attempt, "stdout")
        assert kept[:100_000] == b"x" * 100_000
        assert kept[100_000:].decode().strip() == "[ondol] only the first 100000 bytes are kept; the rest was dropped"
        assert bench.engine.output(attempt, "stderr") == b"done"

    def test_threads_and_processes_share_one_limit(self, bench) -> None:
        code = "import os\nfor _ in range(2): os.fork()\nwhile True: pass"
        attempt = bench.launch("many", code, host_cores=0.4)
        bench.until(attempt, lambda report: report.cpu_s > 0.2)
        self.check_share(bench, attempt, 0.4)

    def test_sigterm_lets_a_job_save_itself(self, bench) -> None:
        handler = "signal.signal(15, lambda *_: (print('saved'), sys.exit(0)))"
        code = f"import signal, sys, time\n{handler}\nprint('up')\ntime.sleep(600)"
        attempt = bench.launch("saving", code)
        bench.printed(attempt, b"up")
        bench.engine.stop(attempt, 5.0)
        report = bench.wait(attempt, RunState.ENDED)
        assert (report.cause, report.exit_code) == (EndCause.STOPPED, 0)
        assert b"saved" in bench.engine.output(attempt, "stdout")

    def test_a_killed_shim_takes_its_job_along(self, bench) -> None:
        code = "import os, time\nif os.fork() == 0: os.setsid()\nprint('up'); time.sleep(600)"
        attempt = bench.launch("orphan", code, environment={"ORPHAN": "place-7734"})
        bench.printed(attempt, b"up")
        bench.wait(attempt, RunState.RUNNING)
        shims = marked(f"attempts/{attempt}/order.json")
        assert len(shims) == 1
        os.kill(shims[0], signal.SIGKILL)
        report = bench.wait(attempt, RunState.ENDED)
        assert report.cause is EndCause.LOST
        bench.report(attempt)
        assert nobody_left("place-7734")


@pytest.mark.parametrize("setup", list(SETUPS))
def test_a_restarted_engine_adopts_what_runs(setup: str, tmp_path: Path) -> None:
    """`kill -9` of the process that hosted the engine: the job goes on, ends, and is reported once."""
    make(setup, tmp_path).close()
    code = "import pathlib, time\nprint('up')\nwhile not pathlib.Path('go').exists(): time.sleep(0.02)\nprint('down')"
    chosen = SETUPS[setup]
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, str(tmp_path), chosen["sandbox"], chosen["limits"], code], stdout=subprocess.PIPE
    )
    assert host.stdout is not None
    assert host.stdout.readline() == b"launched\n"
    host.kill()
    host.wait()
    host.stdout.close()
    engine = make(setup, tmp_path)
    bench = contract.Bench(engine, tmp_path)
    attempt = AttemptId("adopted")
    bench.printed(attempt, b"up")
    engine.launch(bench.order("adopted", "print('twice')"))
    engine.pause(attempt)
    bench.wait(attempt, RunState.PAUSED)
    engine.resume(attempt)
    (tmp_path / "go").touch()
    report = bench.wait(attempt, RunState.ENDED)
    assert (report.cause, report.exit_code) == (EndCause.EXITED, 0)
    assert engine.output(attempt, "stdout") == b"up\ndown\n"
    assert len(engine.poll()) == 1
    engine.release(attempt)
    engine.close()
    engine = make(setup, tmp_path)
    assert engine.poll() == ()
    engine.close()
    assert nobody_left(str(tmp_path))


@pytest.mark.parametrize("setup", list(SETUPS))
def test_attempts_end_when_the_platform_is_gone(setup: str, tmp_path: Path) -> None:
    engine = make(setup, tmp_path, lease_s=0.8)
    bench = contract.Bench(engine, tmp_path)
    attempt = bench.launch("leased", contract.SLEEP)
    begin = time.monotonic()
    while time.monotonic() - begin < 1.5:
        engine.keep_alive()
        assert bench.report(attempt).state is not RunState.ENDED
        time.sleep(0.1)
    report = bench.wait(attempt, RunState.ENDED)
    assert report.cause is EndCause.LOST
    assert "platform was gone" in report.message
    engine.release(attempt)
    engine.close()
    assert nobody_left(str(tmp_path))


@pytest.mark.parametrize("program", [True, False])
def test_a_held_attempt_is_adopted_and_keeps_its_lease(program: bool, tmp_path: Path) -> None:
    first = make("plain", tmp_path, lease_s=1.5)
    bench = contract.Bench(first, tmp_path)
    order = bench.order("kept", "print('prepared')", hold=True)
    first.launch(order if program else dataclasses.replace(order, argv=()))
    attempt = order.attempt_id
    begun = bench.until(attempt, lambda report: report.held)
    first.close()
    engine = make("plain", tmp_path, lease_s=1.5)
    bench = contract.Bench(engine, tmp_path)
    again = bench.report(attempt)
    assert (again.state, again.held, again.started_at_s) == (RunState.RUNNING, True, begun.started_at_s)
    engine.launch(order)
    assert len(engine.poll()) == 1
    report = bench.wait(attempt, RunState.ENDED)  # nobody renews the lease
    assert (report.cause, report.held) == (EndCause.LOST, False)
    assert "platform was gone" in report.message
    assert engine.output(attempt, "stdout") == (b"prepared\n" if program else b"")
    engine.release(attempt)
    engine.close()
    assert nobody_left(str(tmp_path))


def test_a_sandboxed_job_can_change_neither_the_kernels_settings_nor_the_hosts_devices(tmp_path: Path) -> None:
    # given a job that tries, with what is there already, so that no harm is done where it succeeds
    code = """
import os
for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness"):
    with open(path) as file: old = file.read()
    try:
        with open(path, "w") as file: file.write(old)
        print("wrote", path)
    except OSError as error: print("kept")
for name in ("null", "zero", "full", "random", "urandom", "tty"):
    path = "/dev/" + name
    try: os.chmod(path, os.stat(path).st_mode & 0o7777); print("changed", path)
    except OSError as error: print("kept")
with open("/dev/null", "w") as file: file.write("x")
with open("/dev/zero", "rb") as file: print("zeros", file.read(2))
"""
    engine = make("sandboxed", tmp_path)
    bench = contract.Bench(engine, tmp_path)
    # when it runs
    attempt = bench.launch("hostile", code)
    bench.wait(attempt, RunState.ENDED)
    said = engine.output(attempt, "stdout").decode() + engine.output(attempt, "stderr").decode()
    engine.release(attempt)
    engine.close()
    # then all of it is as it was, and the devices work
    assert said == "kept\n" * 8 + "zeros b'\\x00\\x00'\n"


def test_a_sandboxed_job_sees_neither_the_platform_nor_other_jobs_nor_the_network(tmp_path: Path) -> None:
    engine = make("sandboxed", tmp_path)
    bench = contract.Bench(engine, tmp_path)
    code = (
        "import os, socket\n"
        f"print(os.path.exists({str(tmp_path)!r}), os.path.exists('/etc/shadow'), len(os.listdir('/proc')) > 100)\n"
        "print(sorted(name for name in os.listdir('/proc') if name.isdigit()))\n"
        "print(os.listdir('/sys') if os.path.exists('/sys') else 'no sys', [n for _, n in socket.if_nameindex()])\n"
        "print(open('/proc/self/status').read().split('CapEff:')[1].split()[0])\n"
        "try: open('/usr/x', 'w')\n"
        "except OSError as error: print(error.strerror)\n"
    )
    order = LaunchOrder(
        attempt_id=AttemptId("curious"),
        node_id=contract.NODE,
        argv=("python", "-c", code),
        job_dir=bench.order("curious", "").job_dir,
    )
    engine.launch(order)
    bench.wait(order.attempt_id, RunState.ENDED)
    lines = engine.output(order.attempt_id, "stdout").decode().splitlines()
    assert lines[0].startswith("False False")
    assert lines[1] == "['1', '2']"
    assert lines[2] == "no sys ['lo']"
    assert lines[3] == "0000000000000000"
    assert lines[4] == "Read-only file system"
    engine.release(order.attempt_id)
    engine.close()


def test_a_state_folder_serves_one_engine_at_a_time(tmp_path: Path) -> None:
    engine = make("plain", tmp_path)
    with pytest.raises(ConflictError, match="Another engine uses"):
        make("plain", tmp_path)
    engine.close()
    make("plain", tmp_path).close()


def test_what_is_missing_is_said_loudly(tmp_path: Path) -> None:
    engine = make("plain", tmp_path)
    said = engine.capabilities()
    engine.close()
    assert (said.sandbox, said.cpu_limit, said.memory_limit) == ("none", "duty-cycle", "rlimit")
    assert any("WITHOUT a sandbox" in warning for warning in said.warnings)


def test_a_torn_record_without_a_shim_is_lost(tmp_path: Path) -> None:
    engine = make("plain", tmp_path)
    bench = contract.Bench(engine, tmp_path)
    attempt = bench.launch("torn", "pass")
    bench.wait(attempt, RunState.ENDED)
    engine.close()
    path = tmp_path / "state" / "attempts" / attempt / "status"
    path.write_bytes(b"{" + path.read_bytes()[1:100])
    engine = make("plain", tmp_path)
    report = contract.Bench(engine, tmp_path).wait(attempt, RunState.ENDED)  # its shim needs a moment to leave
    assert (report.state, report.cause) == (RunState.ENDED, EndCause.LOST)
    engine.release(attempt)
    engine.close()
