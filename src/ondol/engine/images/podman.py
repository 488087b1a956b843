"""Podman as keeper of images: looks up, fetches, unpacks and removes them. It never runs a job."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ondol.engine.images.image import ImageConfig
from ondol.model.errors import OndolError, UnavailableError

_LOOK_S = 60.0  # a look-up takes 0.1 s; another podman may hold the store's lock while it writes layers
_UNPACK_S = 1800.0
_ID = re.compile(r"[0-9a-f]{64}")
_UNREACHABLE = re.compile(
    r"no such host|server misbehaving|network is unreachable|no route to host|connection refused|i/o timeout"
    r"|temporary failure in name resolution|Client\.Timeout|TLS handshake timeout|proxyconnect"
)


class PodmanError(OndolError):
    """Podman could not do it; the text is its own, short.

    Parameters
    ----------
    unreachable : no registry answered at all, which says nothing of the image
    """

    def __init__(self, words: str, *, unreachable: bool = False) -> None:
        super().__init__(words)
        self.unreachable = unreachable


@dataclass(frozen=True, slots=True)
class Stored:
    """An image in podman's store.

    Parameters
    ----------
    size_bytes : of its layers
    """

    id: str
    names: tuple[str, ...]
    config: ImageConfig
    size_bytes: int


LONGEST_RUN_ROOT = 50  # podman refuses a longer path: its sockets' names would not fit


def _run_root(store_root: Path) -> Path:
    """Where podman keeps what does not outlive a restart: beside the store, or under /run where that is too long."""
    beside = store_root / "run"
    if len(str(beside)) <= LONGEST_RUN_ROOT or not os.access("/run", os.W_OK):
        return beside
    return Path("/run") / f"ondol-{hashlib.sha256(str(store_root).encode()).hexdigest()[:16]}"


class Podman:
    """The command `podman` on one store.

    Parameters
    ----------
    store_root : folder for a store of our own, None for that of this machine's operator
    program : path of podman
    """

    def __init__(self, *, store_root: Path | None = None, program: str = "podman") -> None:
        self._command = [program]
        if store_root is not None:
            self._command += ["--root", str(store_root / "graph"), "--runroot", str(_run_root(store_root))]
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def find(self, names: Sequence[str]) -> Stored | None:
        """First of the names that the store knows, None where it knows none; raises PodmanError."""
        for name in names:
            try:
                said = self._run("image", "inspect", name)
            except PodmanError as error:
                if "image not known" in str(error) or "no such image" in str(error):
                    continue
                raise
            first = json.loads(said)[0]
            return Stored(
                id=str(first["Id"]),
                names=tuple(first.get("RepoTags") or ()),
                config=ImageConfig.read(first.get("Config") or {}),
                size_bytes=int(first.get("Size") or 0),
            )
        return None

    def images(self) -> list[Stored]:
        """Everything in the store, by name."""
        rows = json.loads(self._run("images", "--format", "json") or b"[]") or []
        found = [
            Stored(str(row["Id"]), tuple(row.get("Names") or ()), ImageConfig(), int(row.get("Size") or 0))
            for row in rows
        ]
        return sorted(found, key=lambda stored: stored.names)

    def pull(self, name: str, *, timeout_s: float, authfile: Path | None = None) -> None:
        """Fetch an image from its registry; raises PodmanError with the registry's words."""
        login = ["--authfile", str(authfile)] if authfile is not None else []
        self._run("pull", "--quiet", *login, name, timeout_s=timeout_s)

    def export(self, image_id: str, folder: Path) -> None:
        """Unpack an image's tree into an empty folder, with the owners that it names; raises PodmanError or OSError."""
        container = f"ondol-unpack-{image_id[:16]}-{os.getpid()}-{threading.get_ident()}"
        create = ["create", "--name", container, "--network", "none", "--pull", "never", "--image-volume", "ignore"]
        self._run(*create, image_id, "unpack-only")
        try:
            self._pipe(["export", container], ["tar", "-x", "-p", "--numeric-owner", "-C", str(folder)])
        finally:
            with contextlib.suppress(PodmanError):
                self._run("rm", "--force", "--volumes", container)

    def forget_unpacking(self) -> None:
        """Remove what a killed unpacking left in the store."""
        left = self._run("ps", "--all", "--quiet", "--filter", "name=^ondol-unpack-").decode().split()
        if left:
            self._run("rm", "--force", "--volumes", *left)

    def load(self, archive: Path, name: str, changes: Sequence[str] = ()) -> Stored:
        """Take in an archive under a name: one that podman or docker saved, or the tar of a plain tree.

        Parameters
        ----------
        changes : for a plain tree, lines such as ``CMD ["sh"]``
        """
        if _is_saved_image(archive):
            said = self._run("load", "--quiet", "--input", str(archive), timeout_s=_UNPACK_S).decode()
            found = re.findall(r"(?:sha256:)?([0-9a-f]{64})\s*$|Loaded image(?:\(s\))?: *(\S+)", said)
            loaded = next((image_id or other for image_id, other in found), "")
            if not loaded:
                raise PodmanError(f"podman loaded {archive} and did not say what: {_short(said)}")
            self._run("tag", loaded.partition(",")[0], name)
        else:
            options = [word for change in changes for word in ("--change", change)]
            self._run("import", "--quiet", *options, str(archive), name, timeout_s=_UNPACK_S)
        stored = self.find([name])
        if stored is None:
            raise PodmanError(f"podman took {archive} and does not know {name}")
        return stored

    def remove(self, name: str) -> None:
        """Remove a name, or an image by its id with all its names; one that is not there is fine."""
        force = ["--force"] if _ID.fullmatch(name) else []
        try:
            self._run("rmi", *force, name)
        except PodmanError as error:
            if "image not known" not in str(error) and "no such image" not in str(error):
                raise

    def close(self) -> None:
        """End what runs, so that nobody waits for a registry while the platform goes down."""
        with self._lock:
            self._closed = True
            running = tuple(self._running)
        for process in running:
            _end(process)

    def _run(self, *arguments: str, timeout_s: float = _LOOK_S) -> bytes:
        process = self._start([*self._command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, said = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise PodmanError(f"no answer within {timeout_s:g} s", unreachable=arguments[0] == "pull") from None
        finally:
            self._finish(process)
        if process.returncode != 0:
            words = said.decode(errors="replace")
            raise PodmanError(_short(words), unreachable=bool(_UNREACHABLE.search(words)))
        return out

    def _pipe(self, arguments: list[str], receiver: list[str]) -> None:
        giving = self._start([*self._command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            taking = self._start(receiver, stdin=giving.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        except BaseException:
            self._finish(giving)
            raise
        assert giving.stdout is not None  # noqa: S101 - asked for above
        giving.stdout.close()  # so that the one learns when the other ends
        try:
            _, taker_said = taking.communicate(timeout=_UNPACK_S)
            giver_said = giving.stderr.read() if giving.stderr is not None else b""
            giving.wait(timeout=_LOOK_S)
        except subprocess.TimeoutExpired:
            raise PodmanError(f"the image could not be unpacked within {_UNPACK_S:g} s") from None
        finally:
            self._finish(taking)
            self._finish(giving)
        if taking.returncode or giving.returncode:
            raise PodmanError(_short((taker_said + giver_said).decode(errors="replace")))

    def _start(self, command: list[str], **streams: object) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise UnavailableError("The platform is being stopped")
            try:
                process: subprocess.Popen[bytes] = subprocess.Popen(
                    command,
                    **{"stdin": subprocess.DEVNULL, **streams},  # type: ignore[call-overload]
                    env={**os.environ, "LC_ALL": "C.UTF-8"},
                    start_new_session=True,
                )
            except OSError as error:
                raise PodmanError(f"{command[0]} cannot be started: {error.strerror}") from error
            self._running.add(process)
        return process

    def _finish(self, process: subprocess.Popen[bytes]) -> None:
        _end(process)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        with self._lock:
            self._running.discard(process)


def find_podman() -> tuple[str, str]:
    """Path of podman, empty where there is none, and the reason where not."""
    program = shutil.which("podman")
    return (program, "") if program else ("", "podman is not installed")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _is_saved_image(archive: Path) -> bool:
    """Whether a tar is an archive of `podman save` or `docker save`, and not a plain tree."""
    listed = subprocess.run(
        ["tar", "-tf", str(archive)], check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=_UNPACK_S
    )
    if listed.returncode != 0:
        raise PodmanError(f"{archive} is no tar archive: {_short(listed.stderr.decode(errors='replace'))}")
    names = {line.removeprefix("./") for line in listed.stdout.decode(errors="replace").splitlines()}
    return "manifest.json" in names or {"oci-layout", "index.json"} <= names


def _short(words: str) -> str:
    """The last thing that podman said, without its own wrapping, at most 300 characters."""
    lines = [line.strip() for line in words.splitlines() if line.strip() and not line.startswith("time=")]
    line = lines[-1] if lines else "podman gave no reason"
    line = re.sub(r"^Error: (?:initializing source |reading manifest \S+ in )?(?:docker://\S+ )?", "", line)
    return line if len(line) <= 300 else line[:299] + "…"
