"""The supervisor against the real SeaweedFS: killed, restarted, orphaned, stale."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from ondol.model.errors import ConflictError, UnavailableError
from ondol.storage.objects import weed_record
from ondol.storage.objects.s3 import S3ObjectStore
from ondol.storage.objects.seaweed import SeaweedSupervisor
from ondol.storage.objects.weed_command import WeedPorts

_PLATFORM = """
import sys, threading
from pathlib import Path
from ondol.storage.objects.seaweed import SeaweedSupervisor
weed = SeaweedSupervisor(Path(sys.argv[1]))
starter = threading.Thread(target=weed.start)  # a thread that ends must not take SeaweedFS with it
starter.start(); starter.join()
print(weed.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[SeaweedSupervisor]:
    made = SeaweedSupervisor(tmp_path / ("a long path to the data folder " * 4))
    yield made
    made.stop(grace=0.0)


def wait_for_end(pid: int, bound_s: float = 5.0) -> bool:
    try:
        psutil.Process(pid).wait(bound_s)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


def test_killed_it_comes_back_on_the_same_port_with_its_data(supervisor: SeaweedSupervisor) -> None:
    supervisor.start()
    url, first = supervisor.url, supervisor.pid
    assert first is not None
    assert stat.S_IMODE((supervisor.folder / "s3.json").stat().st_mode) == 0o600
    store = S3ObjectStore(url, supervisor.access_key, supervisor.secret_key)
    store.create_bucket("kept-data")
    store.put_bytes("kept-data", "k", b"still here")

    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while supervisor.alive():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert supervisor.restart_if_dead() is True
    assert supervisor.restart_if_dead() is False
    assert supervisor.url == url
    assert supervisor.pid != first
    assert store.get_bytes("kept-data", "k") == b"still here"

    second = supervisor.pid
    assert second is not None
    ports = msgspec.json.decode((supervisor.folder / "weed.json").read_bytes())["ports"]
    sockets = WeedPorts(**ports).grpc_sockets()
    assert any(each.exists() for each in sockets)
    began = time.monotonic()
    supervisor.stop(grace=0.5)
    assert time.monotonic() - began < 5
    assert not psutil.pid_exists(second)
    assert supervisor.restart_if_dead() is False, "what was stopped on purpose stays stopped"
    assert [each.name for each in sockets if each.exists()] == [], "of its own; others may stand beside them"


def test_it_dies_with_the_platform_and_a_second_platform_is_refused(tmp_path: Path) -> None:
    platform = subprocess.Popen(
        [sys.executable, "-c", _PLATFORM, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with platform:
        try:
            assert platform.stdout is not None
            weed_pid = int(platform.stdout.readline())
            assert psutil.pid_exists(weed_pid)
            with pytest.raises(ConflictError, match=f"process id {platform.pid}"):
                SeaweedSupervisor(tmp_path).start()
        finally:
            platform.kill()
    assert wait_for_end(weed_pid), "SeaweedFS outlived the platform"
    weed_record.end_stale(tmp_path)
    assert not (tmp_path / "weed.json").exists(), "the next platform clears up after it"


def test_a_program_that_cannot_serve_is_said_with_its_log(tmp_path: Path) -> None:
    broken = SeaweedSupervisor(tmp_path, program=Path("/bin/false"))
    with pytest.raises(UnavailableError, match=r"weed\.log"):
        broken.start(timeout=5)
    assert not broken.alive()
    with pytest.raises(UnavailableError, match="start"):
        _ = broken.url
