"""Given an image's tree, when attempts run in it, then they are held to the engine's contract and to nothing else."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import image_trees
from ondol.engine.local.engine import LocalEngine
from ondol.engine.local.procfs import read_bytes
from ondol.engine.ports import ContainerOrder, EndCause, LaunchOrder, PortForward, RunState
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.ids import AttemptId

_spec = importlib.util.spec_from_file_location("engine_contract", Path(__file__).with_name("contract.py"))
assert _spec is not None
assert _spec.loader is not None
contract = importlib.util.module_from_spec(_spec)
sys.modules.setdefault("engine_contract", contract)
_spec.loader.exec_module(contract)

HOST = """
import sys, time
from pathlib import Path
from ondol.engine.local.engine import LocalEngine
from ondol.engine.ports import ContainerOrder, LaunchOrder
root = Path(sys.argv[1])
engine = LocalEngine(root / "state")
engine.launch(LaunchOrder(attempt_id="adopted", node_id="n", argv=("sh", "-c", sys.argv[3]), job_dir=root / "job",
                          environment={"PATH": "/bin"}, container=ContainerOrder(image="i", rootfs=Path(sys.argv[2]))))
print("launched", flush=True)
time.sleep(600)
"""


# What a job may find out and do; unshare and clone by number, asked for a user namespace.
CURIOUS = """
import ctypes, errno, os, socket
rows = (line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
status = dict(rows)
print(*(status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")))
print([name for _, name in socket.if_nameindex()], socket.gethostname(), os.getcwd(), os.getuid())
print(os.path.exists({hidden!r}), all(int(name) < 100 for name in os.listdir("/proc") if name.isdigit()))
libc = ctypes.CDLL(None, use_errno=True)
def call(*args):
    if libc.syscall(*args) < 0: raise OSError(ctypes.get_errno(), "")
def tried(name, what):
    try: what()
    except OSError as error: print(name, errno.errorcode[error.errno])
    else: print(name, "done")
tried("mknod", lambda: os.mknod("/dev/disk", 0o60600, os.makedev(254, 0)))
unshare, clone = (97, 220) if os.uname().machine == "aarch64" else (272, 56)
tried("unshare", lambda: call(unshare, 0x10000000))
tried("clone", lambda: call(clone, 0x10000011, 0, 0, 0, 0))
tried("proc", lambda: open("/proc/sys/kernel/hostname", "w"))
tried("chown", lambda: os.chown("/job", 5, 5))
masked = [path for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list") if os.path.exists(path)]
print(all(os.stat(path).st_rdev == os.stat("/dev/null").st_rdev for path in masked))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_trees.python_tree(tmp_path_factory.mktemp("tree") / "python, with: signs")


def make(folder: Path, **more: object) -> LocalEngine:
    engine = LocalEngine(folder / "state", **more)  # type: ignore[arg-type]
    if not engine.capabilities().containers:
        why = engine.no_containers
        engine.close()
        pytest.skip(f"containers cannot run here: {why}")
    return engine


class ContainerBench(contract.Bench):
    """Orders that run in the tree."""

    rootfs: Path
    given: dict[str, object]

    def order(self, name: str, code: str, **fields: object) -> LaunchOrder:
        return self.container(super().order(name, code, **fields))

    def container(self, order: LaunchOrder) -> LaunchOrder:
        made = ContainerOrder(image="test", rootfs=self.rootfs, **self.given)  # type: ignore[arg-type]
        environment = {"PATH": image_trees.PYTHON_PATH, **order.environment}
        return dataclasses.replace(order, container=made, environment=environment)

    def shell(self, name: str, script: str, *, given: dict[str, object] | None = None, **fields: object) -> AttemptId:
        """Launch a shell script, perhaps with other terms of its container."""
        before, self.given = self.given, given or self.given
        order = dataclasses.replace(self.order(name, "", **fields), argv=("sh", "-c", script))
        self.given = before
        self.engine.launch(order)
        return order.attempt_id

    def said(self, attempt: AttemptId) -> list[str]:
        """Lines that an attempt has printed by its end."""
        self.wait(attempt, RunState.ENDED)
        return self.engine.output(attempt, "stdout").decode().splitlines()


def bench_of(engine: LocalEngine, folder: Path, tree: Path) -> ContainerBench:
    bench = ContainerBench(engine, folder)
    bench.rootfs, bench.given = tree, {}
    return bench


@pytest.fixture
def bench(tmp_path: Path, tree: Path) -> Iterator[ContainerBench]:
    engine = make(tmp_path)
    home = engine._home
    assert home is not None
    yield (bench := bench_of(engine, tmp_path, tree))
    for report in engine.poll():
        engine.stop(report.attempt_id, 0.0)
    for report in engine.poll():
        bench.wait(report.attempt_id, RunState.ENDED)
        engine.release(report.attempt_id)
    engine.close()
    assert list((tmp_path / "state" / "attempts").iterdir()) == []
    assert nothing_left(home.path, tmp_path)


def nothing_left(group: str, folder: Path) -> bool:
    """Whether no control group, no mount and no process of an engine is left."""
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"*{group}")]
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(folder) in line]
    processes = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(folder).encode() in _read(path)]
    print("left:", groups, mounts, processes)
    return not groups and not mounts and not processes


def _read(path: Path) -> bytes:
    try:
        return read_bytes(str(path))
    except OSError:
        return b""


class TestContainers(contract.EngineContract):
    """The contract of all engines, in containers."""


def test_a_container_has_no_rights_and_sees_only_its_own(bench: ContainerBench, tmp_path: Path) -> None:
    lines = bench.said(bench.launch("curious", CURIOUS.format(hidden=str(tmp_path))))
    assert lines == [
        "0000000000000000 0000000000000000 0000000000000000 0000000000000000 1 2",
        "['lo'] ondol /job 0",
        "False True",
        "mknod EPERM",
        "unshare EPERM",
        "clone EPERM",
        "proc EROFS",
        "chown EPERM",
        "True",
    ], bench.engine.output(AttemptId("curious"), "stderr")


def test_the_tree_is_shared_and_never_changed(bench: ContainerBench, tree: Path) -> None:
    before = sorted(path.name for path in tree.rglob("*"))
    first = bench.shell("first", "echo mine > /etc/passwd; rm /bin/busybox; echo $?")
    assert bench.said(first) == ["0"]
    assert bench.said(bench.shell("second", "head -n 1 /etc/passwd"))[0].startswith("root:")
    assert sorted(path.name for path in tree.rglob("*")) == before


def test_a_read_only_root_leaves_the_job_its_folders(bench: ContainerBench) -> None:
    script = "for f in /x /etc/x /job/x /tmp/x /dev/shm/x; do (echo 1 > $f) 2>/dev/null && echo $f; done"
    assert bench.said(bench.shell("read-only", script, given={"read_only": True})) == ["/job/x", "/tmp/x", "/dev/shm/x"]


def test_files_go_in_and_out_through_the_job_folder_and_the_checkpoint(bench: ContainerBench) -> None:
    checkpoint = bench.folder / "checkpoint"
    checkpoint.mkdir()
    (bench.folder / "job-files").mkdir()
    (bench.folder / "job-files" / "in").write_text("input\n")
    terms = {"job_mounts": ("/data/here", "/job"), "work_dir": "/not/there/yet"}
    script = "pwd; cat /data/here/in; echo out > /job/result; echo state > /checkpoint/state"
    attempt = bench.shell("files", script, given=terms, checkpoint_dir=checkpoint)
    assert bench.said(attempt) == ["/not/there/yet", "input"]
    assert (bench.folder / "job-files" / "result").read_text() == "out\n"
    assert (checkpoint / "state").read_text() == "state\n"
    assert bench.engine.inside_paths(bench.order("files", ""))[0] == "/job"


@pytest.mark.parametrize(
    ("user", "said"), [("app", "1234 1235 1235 77"), ("1234:77", "1234 77 77"), ("4321", "4321 0 0")]
)
def test_the_user_of_the_image_owns_the_job_folder(bench: ContainerBench, user: str, said: str) -> None:
    (bench.folder / "job-user").mkdir()
    (bench.folder / "job-user" / "given").write_text("x")
    attempt = bench.shell(
        "user",
        "echo $(id -u) $(id -g) $(id -G); echo y >> given; umask 077; echo r > result; echo $HOME",
        given={"user": user},
    )
    assert bench.said(attempt) == [
        said,
        "/home/app" if user == "app" else "/home/app" if user.startswith("1234") else "/",
    ]
    assert (bench.folder / "job-user" / "result").read_text() == "r\n"
    assert (bench.folder / "job-user" / "given").read_text() == "xy\n"


def test_a_user_that_the_image_does_not_know_is_refused(bench: ContainerBench) -> None:
    with pytest.raises(InvalidFieldError, match=r"nobody-here.*passwd"):
        bench.shell("stranger", "true", given={"user": "nobody-here"})


@pytest.mark.parametrize("init", [True, False])
def test_what_cannot_be_executed_is_a_launch_failure(bench: ContainerBench, init: bool) -> None:
    if not init:
        bench.engine._containers = dataclasses.replace(bench.engine._containers, init="")
    denied = "Program cannot be executed (permission denied): /etc/passwd"
    for number, (program, words) in enumerate(
        (("no-such-program", "Program not found: no-such-program"), ("/etc/passwd", denied))
    ):  # fmt: skip
        order = dataclasses.replace(bench.order(f"bad-{number}", ""), argv=(program,))
        bench.engine.launch(order)
        report = bench.wait(order.attempt_id, RunState.ENDED)
        assert (report.cause, report.exit_code, report.message) == (EndCause.LAUNCH_FAILED, None, words)


def test_a_memory_hog_ends_with_memory_limit(bench: ContainerBench) -> None:
    code = "import time\nhog = []\nwhile True: hog.append(bytearray(4 << 20)); time.sleep(0.005)"
    report = bench.wait(bench.launch("hog", code, memory_limit_bytes=96 << 20), RunState.ENDED)
    assert report.cause is EndCause.MEMORY_LIMIT
    assert str(96 << 20) in report.message


def test_a_fork_bomb_is_contained(bench: ContainerBench) -> None:
    fork = "  try: os.fork()\n  except OSError: pass\n  time.sleep(0.05)\n"
    code = f"import os, time\nfor _ in range(9):\n{fork}time.sleep(600)"
    attempt = bench.launch("bomb", code, pids_limit=24)
    bench.pass_time(1.0)
    inside = Path(bench.engine._folders[attempt].order.group["folders"]["pids"]) / "pids.current"
    assert 20 <= int(inside.read_text()) <= 25  # with the init


def test_leftovers_of_a_job_are_killed_with_it(bench: ContainerBench) -> None:
    attempt = bench.shell("leaving", "setsid sleep 600 & setsid sleep 600 & exit 3")
    assert bench.wait(attempt, RunState.ENDED).exit_code == 3


@pytest.mark.parametrize("init", [True, False])
def test_sigterm_reaches_the_job_and_ends_it_even_as_first_process(bench: ContainerBench, init: bool) -> None:
    """The first process of a pid namespace hears only what it has a handler for: kill(2)."""
    if not init:
        bench.engine._containers = dataclasses.replace(bench.engine._containers, init="")
    handler = "signal.signal(15, lambda *_: (print('saved'), sys.exit(0)))"
    saving = bench.launch("saving", f"import signal, sys, time\n{handler}\nprint('up')\ntime.sleep(600)")
    deaf = bench.shell("deaf", "echo up; sleep 600; echo more")
    for attempt in (saving, deaf):
        bench.printed(attempt, b"up")
        bench.engine.stop(attempt, 8.0)
    report = bench.wait(saving, RunState.ENDED, timeout_s=5.0)
    assert (report.cause, report.exit_code) == (EndCause.STOPPED, 0)
    assert b"saved" in bench.engine.output(saving, "stdout")
    report = bench.wait(deaf, RunState.ENDED, timeout_s=5.0)
    assert (report.cause, report.exit_code) == (EndCause.STOPPED, None)
    assert b"more" not in bench.engine.output(deaf, "stdout")


def test_variables_are_in_no_process_list_and_in_no_readable_file(bench: ContainerBench) -> None:
    attempt = bench.shell("secretive", "echo up; sleep 600", environment={"TOKEN": "place-8841"})
    bench.printed(attempt, b"up")
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"place-8841" in _read(path)]
    path = bench.engine._folders[attempt].path / "bundle" / "config.json"
    assert "place-8841" in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    env = json.loads(path.read_text())["process"]["env"]
    assert not any(sys.prefix in line for line in env)


def test_a_killed_shim_takes_its_container_along(bench: ContainerBench) -> None:
    attempt = bench.shell("orphan", "echo up; sleep 600")
    bench.printed(attempt, b"up")
    fields = bench.engine._folders[attempt].fields()
    os.kill(int(fields["shim_pid"]), signal.SIGKILL)
    assert bench.wait(attempt, RunState.ENDED).cause is EndCause.LOST


def test_a_restarted_engine_adopts_a_container(tmp_path: Path, tree: Path) -> None:
    make(tmp_path).close()
    (tmp_path / "job").mkdir()
    script = "echo up; while [ ! -e go ]; do sleep 0.05; done; echo down"
    host = subprocess.Popen([sys.executable, "-c", HOST, str(tmp_path), str(tree), script], stdout=subprocess.PIPE)
    assert host.stdout is not None
    assert host.stdout.readline() == b"launched\n"
    host.kill()
    host.wait()
    host.stdout.close()
    engine = make(tmp_path)
    bench = bench_of(engine, tmp_path, tree)
    attempt = AttemptId("adopted")
    bench.printed(attempt, b"up")
    engine.pause(attempt)
    bench.wait(attempt, RunState.PAUSED)
    engine.resume(attempt)
    (tmp_path / "job" / "go").touch()
    report = bench.wait(attempt, RunState.ENDED)
    assert (report.cause, report.exit_code) == (EndCause.EXITED, 0)
    assert engine.output(attempt, "stdout") == b"up\ndown\n"
    engine.release(attempt)
    home = engine._home
    engine.close()
    assert nothing_left(home.path, tmp_path)


def test_the_end_of_the_lease_leaves_nothing(tmp_path: Path, tree: Path) -> None:
    engine = make(tmp_path, lease_s=0.6)
    bench, home = bench_of(engine, tmp_path, tree), engine._home
    attempt = bench.shell("leased", "echo up; sleep 600")
    report = bench.wait(attempt, RunState.ENDED)
    assert report.cause is EndCause.LOST
    assert "platform was gone" in report.message
    engine.release(attempt)
    engine.close()
    assert nothing_left(home.path, tmp_path)


def test_a_network_of_its_own_leads_out_and_not_to_this_machine(bench: ContainerBench) -> None:
    if not bench.engine.capabilities().container_network:
        pytest.skip("containers cannot run here: slirp4netns is not installed")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        code = (
            "import socket, http.server\n"
            "print(sorted(n for _, n in socket.if_nameindex()), open('/etc/resolv.conf').read().strip())\n"
            "for host in ('127.0.0.1', '10.0.2.2'):\n"
            f"    try: print(socket.create_connection((host, {server.getsockname()[1]}), 3))\n"
            "    except OSError as error: print('no')\n"
            "class Hello(http.server.BaseHTTPRequestHandler):\n"
            "    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'hello')\n"
            "    def log_message(self, *_): pass\n"
            "server = http.server.HTTPServer(('0.0.0.0', 8080), Hello)\n"
            "print('up', flush=True); server.serve_forever()\n"
        )
        rule = PortForward(protocol="tcp", port=8080, host_address="127.0.0.1", host_port=port)
        bench.given = {"forwards": (rule,)}
        attempt = bench.launch("net", code, network=True)
        bench.printed(attempt, b"up")
        assert bench.engine.output(attempt, "stdout").decode().splitlines() == [
            "['lo', 'tap0'] nameserver 10.0.2.3", "no", "no", "up",
        ]  # fmt: skip
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            assert answer.read() == b"hello"
        bench.engine.pause(attempt)
        bench.wait(attempt, RunState.PAUSED)
        begin = time.monotonic()
        bench.engine.stop(attempt, 5.0)
        assert bench.wait(attempt, RunState.ENDED).cause is EndCause.STOPPED
        assert time.monotonic() - begin < 4.0


def test_without_containers_an_order_for_one_is_refused(tmp_path: Path, tree: Path) -> None:
    engine = LocalEngine(tmp_path / "state", containers=False)
    try:
        with pytest.raises(UnavailableError, match="no containers: they were switched off"):
            bench_of(engine, tmp_path, tree).shell("none", "true")
    finally:
        engine.close()
