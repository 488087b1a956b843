"""Reads points from a page."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import httpx2

from ondol.drivers.bound import FARTHEST_AHEAD_S, READS, Latest, bound_by_key, quality_of, time_told
from ondol.drivers.http.page import JsonPage, Missing, PrometheusPage, check_page_address
from ondol.drivers.polling import Poller
from ondol.drivers.ports import LinkStatus
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.points import Ability, PointReading

LARGEST_PAGE_BYTES = 4 << 20
"""Larger pages are refused: a sensor's page is some kilobytes."""

_HINTS = {
    401: "user or password_file is wrong or missing",
    403: "this user may not read the page",
    404: "there is no such page; is the path of the url right?",
}


class HttpDriver:
    """One page, pulled every interval.

    Its content type decides how it is read: JSON, or Prometheus and OpenMetrics text. `user` and `password_file` are
    sent as basic authentication, a `password_file` alone as a bearer token. Redirects are not followed, so that a
    password goes nowhere else. A value without a time of its own has that of the answer.

    Parameters
    ----------
    bindings : addresses as `JsonPage` and `PrometheusPage` read them

    Raises
    ------
    InvalidFieldError : an address that is neither a path nor a metric
    """

    abilities: ClassVar[frozenset[Ability]] = READS

    def __init__(
        self,
        connection: Connection,
        bindings: Sequence[Binding],
        *,
        fleet: Fleet,  # noqa: ARG002 - every driver is made with the same arguments
        now: Callable[[], dt.datetime],
    ) -> None:
        self._connection = connection
        self._now = now
        self._bound = bound_by_key(connection, bindings, self.abilities)
        for key, binding in self._bound.items():
            check_page_address(f"binding[{key}].address", binding.address)
        self._latest = Latest()
        self._client: httpx2.Client | None = None
        self._client_lock = threading.Lock()
        self._poller = Poller(connection.id, connection.interval_s, self._poll, now=now)

    @property
    def connection_id(self) -> str:
        """Id of the connection that it serves."""
        return self._connection.id

    def open(self) -> None:
        """Begin to poll; returns at once."""
        self._poller.open()

    def close(self) -> None:
        """End; may be called twice."""
        self._poller.close()
        with self._client_lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def status(self) -> LinkStatus:
        """How the link stands; names what the page lacks."""
        return self._poller.status

    def readings(self) -> tuple[PointReading, ...]:
        """Latest value of every bound point that ever spoke, by key."""
        return self._latest.all()

    def _poll(self) -> str:
        page = self._page()
        now = self._now()
        odd = []
        for key, binding in self._bound.items():
            try:
                found = page.find(binding.address)
                told = now if found.measured_at is None else time_told(found.measured_at, now)
            except Missing as error:
                odd.append(str(error))
                continue
            if told is None:
                odd.append(
                    f"{binding.address} is more than {FARTHEST_AHEAD_S:g} s ahead of our clock: set the source's"
                )
                continue
            value = found.value * binding.scale + binding.offset
            reading = PointReading(
                key=key, value=value, measured_at=told, quality=quality_of(key, value), source=self._connection.id
            )
            self._latest.put((reading,))
        if odd and len(odd) == len(self._bound):
            raise UnavailableError("; ".join(odd))
        return "; ".join(odd)

    def _page(self) -> JsonPage | PrometheusPage:
        url = self._connection.url
        try:
            with self._opened().stream("GET", url, auth=self._auth(), headers=self._headers()) as answer:
                if answer.status_code != 200:
                    hint = _HINTS.get(answer.status_code, answer.reason_phrase)
                    raise UnavailableError(f"{url} answers {answer.status_code}: {hint}")
                body = bytearray()
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > LARGEST_PAGE_BYTES:
                        raise UnavailableError(
                            f"{url} is larger than {LARGEST_PAGE_BYTES >> 20} MiB: is it the right page?"
                        )
                kind = answer.headers.get("content-type", "").lower()
        except httpx2.HTTPError as error:
            raise UnavailableError(f"{url} does not answer: {str(error) or type(error).__name__}") from error
        text = body.decode("utf-8", errors="replace")
        if "json" in kind:
            return JsonPage(text)
        if kind.startswith(("text/plain", "application/openmetrics-text")):
            return PrometheusPage(text, openmetrics="openmetrics" in kind)
        raise UnavailableError(f"{url} is {kind or 'of no stated type'}; JSON or Prometheus text is read")

    def _opened(self) -> httpx2.Client:
        with self._client_lock:
            if self._client is None:
                one = self._connection
                verify: ssl.SSLContext | bool = True
                if one.ca_file:
                    try:
                        verify = ssl.create_default_context(cafile=one.ca_file)
                    except (OSError, ssl.SSLError) as error:
                        raise UnavailableError(f"ca_file {one.ca_file} cannot be used: {error}") from None
                self._client = httpx2.Client(timeout=one.timeout_s, verify=verify, trust_env=False)
            return self._client

    def _auth(self) -> httpx2.BasicAuth | None:
        one = self._connection
        return httpx2.BasicAuth(one.user, self._password()) if one.user else None

    def _headers(self) -> dict[str, str]:
        one = self._connection
        headers = {"Accept": "application/json, application/openmetrics-text;q=0.9, text/plain;q=0.8"}
        if one.password_file and not one.user:
            headers["Authorization"] = f"Bearer {self._password()}"
        return headers

    def _password(self) -> str:
        path = self._connection.password_file
        if not path:
            return ""
        try:
            return Path(path).read_text(encoding="utf-8").strip()  # read each time: it may have been changed
        except (OSError, UnicodeDecodeError) as error:
            raise UnavailableError(f"password_file {path} cannot be read: {error}") from None
