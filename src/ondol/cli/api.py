"""Talks HTTP with a platform: patient where an answer got lost, and never twice where that would make two."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ondol.cli.harmless import harmless
from ondol.model.errors import OndolError, UnavailableError

if TYPE_CHECKING:
    import httpx2

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TIMEOUT_S = 30.0
LONG_S = 240.0  # of what the platform may take long for: it gives up before
YEARS_S = 960.0  # likewise of key figures, which sum up a year
_WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0)  # before each further try; together what a restart of the platform takes
_BUSY = frozenset({429, 502, 503, 504})
_GONE = 404


class RefusedError(OndolError):
    """The platform said no.

    Parameters
    ----------
    status : HTTP status code
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """An address with the token for it.

    Parameters
    ----------
    storage, email : of the object store, where they are not to be asked of the platform
    verify : whether its certificate is checked, or the file of the authorities that may have signed it
    source : where address and token were found, for people
    """

    url: str
    token: str
    storage: str = ""
    email: str = ""
    verify: bool | str = True
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    method: str
    path: str
    query: dict[str, str] | None = None
    body: object = None
    headers: dict[str, str]
    again: bool  # may be sent again when it is not known whether it arrived


class Api:
    """Talks HTTP with one platform; used as a context manager.

    Every method raises UnavailableError where nothing answers, RefusedError with the platform's own words where it
    says no. An answer of 429, 502, 503 or 504, and a connection that breaks, are waited out for some 15 s; what
    creates something carries an `Idempotency-Key`, so that a second try cannot create a second one.

    Parameters
    ----------
    verbose : tell every call on standard error, without tokens and contents
    transport : of httpx2, for tests that need no socket
    pause : waits so many seconds
    timeout_s : longest silence of the platform [s]
    """

    def __init__(
        self,
        access: Access,
        *,
        verbose: bool = False,
        transport: httpx2.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        from importlib.metadata import version

        import httpx2

        self.access = access
        self._verbose, self._pause, self._timeout_s = verbose, pause, timeout_s
        self._client = httpx2.Client(
            base_url=access.url,
            headers={"Authorization": access.token, "User-Agent": f"ondol-cli/{version('ondol')}"},
            timeout=timeout_s,
            transport=transport,
            verify=_trust(access.verify),
            trust_env=urlsplit(access.url).hostname not in LOOPBACK,  # a proxy does not know our loopback
        )

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **query: object) -> Any:
        """Get JSON; query values of None are left out."""
        return self._json(self._call("GET", path, query=query))

    def post(self, path: str, body: object = None) -> Any:
        """Post JSON and give the JSON answer, None where it is empty."""
        return self._json(self._call("POST", path, body=body, again=False))

    def create(self, path: str, body: object) -> Any:
        """Post what creates something; a broken connection cannot make two of it."""
        return self._json(self._call("POST", path, body=body, headers={"Idempotency-Key": str(uuid.uuid4())}))

    def ask(self, path: str, body: object) -> Any:
        """Post a question that changes nothing."""
        return self._json(self._call("POST", path, body=body))

    def put(self, path: str, body: object, *, again: bool = True) -> Any:
        """Put JSON and give the JSON answer, None where it is empty."""
        return self._json(self._call("PUT", path, body=body, again=again))

    def patch(self, path: str, body: object = None) -> Any:
        """Patch with JSON and give the JSON answer, None where it is empty."""
        return self._json(self._call("PATCH", path, body=body))

    def delete(self, path: str, **query: object) -> None:
        """Delete something."""
        self._call("DELETE", path, query=query)

    def text(self, path: str, *, method: str = "GET", accept: str = "text/plain", **query: object) -> str:
        """Give an answer as it is."""
        return str(self._call(method, path, query=query, headers={"Accept": accept}, again=method == "GET").text)

    def data(self, path: str, **query: object) -> bytes:
        """Give an answer's bytes, of a file to write."""
        return bytes(self._call("GET", path, query=query, headers={"Accept": "*/*"}).content)

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, object] | None = None,
        body: object = None,
        headers: dict[str, str] | None = None,
        again: bool = True,
    ) -> httpx2.Response:
        params = {key: str(value) for key, value in (query or {}).items() if value is not None}
        call = _Call(
            method=method,
            path=path,
            query=params or None,
            body=body,
            headers={"Accept": "application/json"} | (headers or {}),
            again=again,
        )
        response, lost = self._patiently(call)
        if response.is_success or (lost and method == "DELETE" and response.status_code == _GONE):
            return response
        raise RefusedError(response.status_code, self._complaint(response))

    def _patiently(self, call: _Call) -> tuple[httpx2.Response, bool]:
        """Answer of a call, and whether an earlier answer to it got lost."""
        import httpx2

        lost = False
        for wait_s in (*_WAITS_S, None):
            try:
                response = self._once(call)
                if response.status_code not in _BUSY or wait_s is None:
                    return response, lost
                wait_s = _wished(response, wait_s)  # noqa: PLW2901 - the platform says how long
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                # Nobody is there. Where somebody just was, the platform starts anew; else there is none.
                if not lost or wait_s is None:
                    raise self._nobody(error) from error
            except httpx2.TransportError as error:
                lost = True
                if not call.again or wait_s is None:
                    raise self._nobody(error) from error
            except httpx2.InvalidURL as error:
                raise self._nobody(error) from error
            self._tell(f"{call.method} {call.path} again in {wait_s:g} s")
            self._pause(wait_s)
        raise AssertionError("the last try answers or raises")

    def _once(self, call: _Call) -> httpx2.Response:
        begun = time.monotonic()
        try:
            response = self._client.request(
                call.method, call.path, params=call.query, json=call.body, headers=call.headers
            )
        except Exception as error:
            self._tell(f"{call.method} {call.path} failed: {error}")
            raise
        took_ms = 1e3 * (time.monotonic() - begun)
        query = "" if not call.query else "?" + "&".join(f"{key}={value}" for key, value in call.query.items())
        size = len(response.content)
        self._tell(f"{call.method} {call.path}{query} {response.status_code} ({size} bytes, {took_ms:.0f} ms)")
        return response

    def _nobody(self, error: Exception) -> UnavailableError:
        import httpx2

        url = self.access.url
        if isinstance(error, httpx2.ReadTimeout | httpx2.WriteTimeout | httpx2.PoolTimeout):
            return UnavailableError(f"{url} did not answer within {self._timeout_s:.0f} s")
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            said = "its certificate is not trusted: name the authority's file with --api-ca-certificate"
            return UnavailableError(f"{url}: {said}, or trust anybody with --unsafe-ssl")
        return UnavailableError(f"Nothing answers at {url} ({error}): is 'ondol up' running?")

    def _tell(self, line: str) -> None:
        if self._verbose:
            sys.stderr.write(f"  {harmless(line)}\n".encode("ascii", "backslashreplace").decode())
            sys.stderr.flush()

    def _complaint(self, response: httpx2.Response) -> str:
        """Find the sentence in an error: the compute API's `message`, or a problem of RFC 9457."""
        try:
            said = response.json()
        except ValueError:
            said = None
        words = ""
        if isinstance(said, dict):
            inner = said.get("error")
            words = said.get("message") or said.get("detail") or said.get("title") or ""
            words = words or (inner.get("message", "") if isinstance(inner, dict) else inner or "")
        if response.status_code == 401:
            return f"The token is not valid at {self.access.url}" + (f": {words}" if words else "")
        return str(words) or f"{self.access.url} answered {response.status_code} {response.reason_phrase}"

    def _json(self, response: httpx2.Response) -> Any:
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise UnavailableError(f"{self.access.url} does not speak JSON: is it an Ondol platform?") from error


def _wished(response: httpx2.Response, wait_s: float) -> float:
    """Seconds that the platform asks to wait, at most 30."""
    asked = response.headers.get("Retry-After", "")
    return min(30.0, max(wait_s, float(asked))) if asked.isdecimal() else wait_s


def _trust(verify: bool | str) -> Any:
    """What httpx2 wants: a truth value, or a context with the authorities of a file."""
    if isinstance(verify, bool):
        return verify
    import ssl

    try:
        return ssl.create_default_context(cafile=verify)
    except (OSError, ssl.SSLError) as error:
        raise UnavailableError(f"{verify} holds no certificates that can be read ({error})") from error
