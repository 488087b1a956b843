"""The way from a site to its server: outbound HTTP only, with the site's own token."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import httpx2
import msgspec

from ondol.agent.wire import MEDIA_TYPE, Down, Setup, Up, pack, read_down, read_setup
from ondol.model.errors import InvalidFieldError, OndolError, UnavailableError

_log = logging.getLogger(__name__)
_TIMEOUT_S = 10.0
_KEEP_ALIVE_S = 25.0  # below the server's: an exchange each 5 s shall not open a connection each time [s]
_LONGEST_WAIT_S = 30.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_BUSY = frozenset({408, 429, 500, 502, 503, 504, 507})


class ServerRefusedError(OndolError):
    """The server answers, and says no: what it says and what to do.

    Parameters
    ----------
    status : HTTP status
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def wait_s(failures: int) -> float:
    """How long to wait after so many failures in a row, ≥ 1: 1, 2, 4 … 30 s [s, wall]."""
    return min(2.0 ** min(failures - 1, 10), _LONGEST_WAIT_S)


class ServerLink:
    """Asks one server about one site; used by one thread.

    Parameters
    ----------
    url : of the platform's API
    token_file : holds the site's token; read anew after a refusal, so that a renewed one counts without a restart
    ca_file : authorities that may have signed the server's certificate; the system's where None
    transport : of httpx2, for tests that need no socket

    Raises
    ------
    InvalidFieldError : no address, or a token file that is none
    """

    def __init__(
        self,
        url: str,
        site_id: str,
        token_file: Path,
        *,
        ca_file: Path | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            shown = f"{parts.scheme}://{parts.hostname or ''}"  # not what stands before an @: it may be a password
            raise InvalidFieldError("--server", shown, "an address such as https://ondol.example.org")
        if parts.username is not None or parts.password is not None:
            raise InvalidFieldError(
                "--server", f"{parts.scheme}://…@{parts.hostname}", "an address without user and password"
            )
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            _log.warning("%s is not encrypted: whoever is on the way can read the site's token; use https://", url)
        if ca_file is not None and not ca_file.is_file():
            raise InvalidFieldError("--ca-file", str(ca_file), "a file of certificates")
        self._token_file = token_file
        self._token = read_token(token_file)
        self._base = f"/agent/v1/sites/{site_id}"
        self._client = httpx2.Client(
            base_url=url.rstrip("/"),
            verify=True if ca_file is None else str(ca_file),
            timeout=_TIMEOUT_S,
            limits=httpx2.Limits(keepalive_expiry=_KEEP_ALIVE_S),
            follow_redirects=False,  # a token goes to nobody else
            transport=transport,
        )

    def __enter__(self) -> ServerLink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def setup(self) -> tuple[Setup, float]:
        """Ask what the site is and what time it is; and how long that took [s, wall]. Errors as `exchange`."""
        begun_s = time.monotonic()
        return read_setup(self._ask("GET", "setup", None)), time.monotonic() - begun_s

    def exchange(self, up: Up) -> tuple[Down, float]:
        """Tell the server how the site stands and hear its plan; and how long that took [s, wall].

        Raises
        ------
        UnavailableError : nobody answers, or with a fault of the moment
        ServerRefusedError : wrong token, unknown site, another version
        """
        begun_s = time.monotonic()
        return read_down(self._ask("POST", "exchange", pack(up))), time.monotonic() - begun_s

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": MEDIA_TYPE}
        try:
            answer = self._client.request(method, f"{self._base}/{path}", content=body, headers=headers)
        except (httpx2.HTTPError, OSError) as error:
            raise UnavailableError(
                f"{self._client.base_url} does not answer: {error or type(error).__name__}"
            ) from error
        if answer.status_code == 200:
            return answer.content
        words = _words(answer)
        if answer.status_code in _BUSY:
            raise UnavailableError(f"The server cannot answer now ({answer.status_code}): {words}")
        try:
            self._token = read_token(self._token_file)
        except OndolError as error:
            words = f"{words}; {error}"
        raise ServerRefusedError(answer.status_code, f"The server refuses ({answer.status_code}): {words}")


def read_token(path: Path) -> str:
    """Read a site's token from its file.

    Raises
    ------
    InvalidFieldError : there is none, or it is no token
    """
    try:
        token = path.read_text(encoding="utf-8").strip()
        if path.stat().st_mode & 0o077:
            _log.warning("%s can be read by others of this machine: chmod 600 %s", path, path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidFieldError(
            "--token-file", str(path), f"a file with what 'ondol site token' printed ({reason})"
        ) from error
    if not token or len(token.split()) != 1 or not token.isascii():
        raise InvalidFieldError("--token-file", str(path), "a file with what 'ondol site token' printed, nothing else")
    return token


class _Problem(msgspec.Struct):
    detail: str = ""
    message: str = ""


def _words(answer: httpx2.Response) -> str:
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return answer.reason_phrase or "no reason given"
    return problem.detail or problem.message or answer.reason_phrase
