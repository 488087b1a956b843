"""A Redfish service over HTTP: sessions, reading and changing resources (DMTF DSP0266)."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from ondol.model.connection import Connection
from ondol.model.errors import UnavailableError

Json = dict[str, Any]

ROOT = "/redfish/v1/"
_NO_SESSIONS = (404, 405, 501)
_POLL_S = 0.2
_TEXT_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as it was read.

    Parameters
    ----------
    path : from the host on
    etag : its version, for `If-Match`; "" where the service gives none
    """

    path: str
    body: Json
    etag: str


class RedfishService:
    """One service. Logs in when it is first asked, with a session where there are any, else by basic authentication.

    The account's password is read from its file at that time, so a changed one is taken after a refusal. Certificates
    are verified always; give a self-signed one as `ca_file`. Redirects are not followed: they could lead the token
    elsewhere.

    Parameters
    ----------
    connection : its url is the service's address, with or without /redfish/v1
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None
        self._session = ""  # path of our session, to end it

    def get(self, path: str) -> Resource:
        """Read a resource; raises UnavailableError."""
        response = self._ask("GET", path)
        body = _json(response, path)
        return Resource(path=path, body=body, etag=response.headers.get("etag", "") or str(body.get("@odata.etag", "")))

    def patch(self, resource: Resource, change: Json) -> None:
        """Change a resource; once more where someone else changed it meanwhile. Raises UnavailableError."""
        response = self._ask("PATCH", resource.path, change, etag=resource.etag, fine=(412,))
        if response.status_code == 412:  # precondition failed: the version that we read is not the latest
            etag = self.get(resource.path).etag
            response = self._ask("PATCH", resource.path, change, etag=etag)
        if response.status_code == 202:
            self._wait_for_task(response.headers.get("location", ""))

    def close(self) -> None:
        """End our session: a service has few of them."""
        with self._lock:
            client, self._client = self._client, None
            session, self._session = self._session, ""
        if client is None:
            return
        with contextlib.suppress(httpx2.HTTPError, UnavailableError):
            if session:
                client.delete(session)
        client.close()

    def _ask(
        self, method: str, path: str, change: Json | None = None, *, etag: str = "", fine: tuple[int, ...] = ()
    ) -> httpx2.Response:
        for attempt in (1, 2):
            client = self._logged_in()
            response = self._send(client, method, path, change, etag)
            if response.status_code != 401 or attempt == 2:
                break
            self.close()  # a session that ran out, or a password that was changed
        if response.is_success or response.status_code in fine:
            return response
        raise UnavailableError(self._refusal(response, method, path))

    def _logged_in(self) -> httpx2.Client:
        with self._lock:
            if self._client is None:
                self._client = self._log_in()
            return self._client

    def _log_in(self) -> httpx2.Client:
        connection = self._connection
        password = _password(connection)
        client = httpx2.Client(
            base_url=connection.url.rstrip("/").removesuffix("/redfish/v1"),
            verify=_trust(connection),
            timeout=connection.timeout_s,
            headers={"Accept": "application/json", "OData-Version": "4.0"},
            follow_redirects=False,
        )
        if not connection.user:
            return client
        try:
            self._introduce(client, password)
        except BaseException:
            client.close()
            raise
        return client

    def _introduce(self, client: httpx2.Client, password: str) -> None:
        """Open a session, or sign every request where the service has none."""
        user = self._connection.user
        root = self._send(client, "GET", ROOT, None, "")
        sessions = _link(_json(root, ROOT).get("Links", {}).get("Sessions")) if root.is_success else ""
        login = {"UserName": user, "Password": password}
        answer = self._send(client, "POST", sessions, login, "") if sessions else None
        if answer is None or answer.status_code in _NO_SESSIONS:
            client.auth = httpx2.BasicAuth(user, password)
        elif answer.is_success and "x-auth-token" in answer.headers:
            client.headers["X-Auth-Token"] = answer.headers["x-auth-token"]
            self._session = _path_of(answer.headers.get("location", ""))
        else:
            raise UnavailableError(self._refusal(answer, "POST", sessions))

    def _send(self, client: httpx2.Client, method: str, path: str, change: Json | None, etag: str) -> httpx2.Response:
        try:
            return client.request(method, path, json=change, headers={"If-Match": etag} if etag else None)
        except httpx2.TimeoutException:
            raise UnavailableError(
                f"{self._connection.url} did not answer within {self._connection.timeout_s:g} s"
            ) from None
        except (httpx2.HTTPError, RuntimeError) as error:  # RuntimeError: another thread has just closed the client
            raise UnavailableError(f"{self._connection.url} cannot be reached: {error}{_hint(error)}") from None

    def _wait_for_task(self, location: str) -> None:
        """Wait until the service has done what it took on (DSP0266, asynchronous operations)."""
        path = _path_of(location)
        until_s = time.monotonic() + self._connection.timeout_s
        while path and self._ask("GET", path).status_code == 202:
            if time.monotonic() + _POLL_S > until_s:
                raise UnavailableError(f"{path} is not done after {self._connection.timeout_s:g} s")
            time.sleep(_POLL_S)

    def _refusal(self, response: httpx2.Response, method: str, path: str) -> str:
        words = {
            401: f"wrong user or password for {self._connection.user!r}" if self._connection.user else "needs a user",
            403: f"user {self._connection.user!r} has no right to it (Redfish role Operator or ConfigureComponents)",
        }
        told = words.get(response.status_code, "") or _message(response)
        return f"{method} {path}: {response.status_code} {told}".strip()[:_TEXT_LONGEST]


def link_of(body: Json, name: str) -> str:
    """Give the path that a property of a resource leads to, "" for none."""
    return _link(body.get(name))


def _link(value: Any) -> str:
    return _path_of(str(value.get("@odata.id", ""))) if isinstance(value, dict) else ""


def _path_of(location: str) -> str:
    """Keep the path alone, so that nothing a service says leads us and our token to another host."""
    path = httpx2.URL(location).raw_path.decode("ascii") if location else ""
    return path if path.startswith("/") else ""


def _json(response: httpx2.Response, path: str) -> Json:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise UnavailableError(f"{path} gave no JSON object: it is no Redfish service")
    return body


def _message(response: httpx2.Response) -> str:
    """What the service says about a refusal (DSP0266, error responses)."""
    try:
        error = response.json()["error"]
        told = [str(one.get("Message", "")) for one in error.get("@Message.ExtendedInfo", [])]
        return " ".join(text for text in told if text) or str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return response.reason_phrase


def _password(connection: Connection) -> str:
    if not connection.password_file:
        return ""
    try:
        return Path(connection.password_file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UnavailableError(f"the password file {connection.password_file} cannot be read: {error}") from None


def _trust(connection: Connection) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=connection.ca_file or None)
    except OSError as error:  # ssl.SSLError is one, too
        raise UnavailableError(f"the certificate {connection.ca_file} cannot be read: {error}") from None


def _hint(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "; give its certificate, or that of its authority, as ca_file"
    return ""
