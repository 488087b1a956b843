"""Sending requests on to the private backend, signed anew, both bodies streamed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote, urlsplit

import httpx2

from ondol.server.s3 import sigv4
from ondol.server.s3.errors import S3Error, unavailable
from ondol.server.s3.ports import Backend

_TIMEOUT = httpx2.Timeout(connect=5.0, read=120.0, write=60.0, pool=60.0)
_CONNECTIONS = 512  # one account may hold 64 of them, see `app`
_RECONNECT_S = 0.2
_PASSED_NAMES = (
    "cache-control content-disposition content-encoding content-language content-type expires "
    "if-match if-modified-since if-none-match if-unmodified-since range "
    "x-amz-checksum-algorithm x-amz-checksum-mode x-amz-checksum-type x-amz-metadata-directive "
    "x-amz-mp-object-size x-amz-sdk-checksum-algorithm x-amz-storage-class x-amz-tagging x-amz-tagging-directive "
    "x-amz-copy-source-if-match x-amz-copy-source-if-modified-since x-amz-copy-source-if-none-match "
    "x-amz-copy-source-if-unmodified-since x-amz-copy-source-range"
)
_PASSED = frozenset(_PASSED_NAMES.split())
_PASSED_PREFIXES = ("x-amz-meta-", "x-amz-checksum-")
_KEPT_BACK_NAMES = (
    "connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade "
    "date server location vary x-amz-bucket-region x-amz-request-id x-amz-id-2"
)
_KEPT_BACK = frozenset(_KEPT_BACK_NAMES.split())


def passed_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Choose the request headers that the backend gets; ACLs, grants and what we do not know stay out."""
    chosen = {name: value for name, value in headers.items() if name in _PASSED or name.startswith(_PASSED_PREFIXES)}
    if "content-encoding" in chosen:  # aws-chunked is the transport's, taken off here
        codings = [each.strip() for each in chosen["content-encoding"].split(",")]
        chosen["content-encoding"] = ",".join(each for each in codings if each and each != "aws-chunked")
    return {name: value for name, value in chosen.items() if value}


def answer_headers(response: httpx2.Response) -> list[tuple[bytes, bytes]]:
    """Choose the answer's headers that the caller gets, as ASGI wants them."""
    pairs = ((name.lower(), value) for name, value in response.headers.raw)
    return [
        (name, value)
        for name, value in pairs
        if name.decode("latin-1") not in _KEPT_BACK and not name.startswith(b"seaweed-")
    ]


def _to_sign(headers: Mapping[str, str]) -> dict[str, str]:
    """Choose the headers that S3 wants signed, as the text that their bytes mean."""
    try:
        return {name: value.encode("latin-1").decode() for name, value in headers.items() if name.startswith("x-amz-")}
    except UnicodeDecodeError:
        raise S3Error("InvalidArgument", "Metadata must be ASCII or UTF-8") from None


class Forwarder:
    """A pool of connections to the backend.

    Parameters
    ----------
    backend : where it is and how to sign in
    clock : gives the time, aware UTC
    patience_s : how long to go on trying to connect [s], ≥ 0; a restart of SeaweedFS takes about 3 s, and SDKs give
        up within 1 to 2 s
    """

    def __init__(self, backend: Backend, clock: Callable[[], datetime], patience_s: float) -> None:
        self._patience_s = patience_s
        self._backend = backend
        self._clock = clock
        self._host = urlsplit(backend.url).netloc
        self._client: httpx2.AsyncClient | None = None

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        content: AsyncIterator[bytes] | bytes | None = None,
        length: int | None = None,
    ) -> httpx2.Response:
        """Send a request and give the answer with its body unread; the caller closes it.

        Parameters
        ----------
        method : HTTP method
        path : decoded, ``/bucket`` or ``/bucket/key``
        query : decoded parameters
        headers : lower-case, without those of the signature
        content : the body; errors that it raises pass through and leave nothing behind at the backend
        length : its length [bytes] when it is streamed

        Raises S3Error ServiceUnavailable when the backend does not answer.
        """
        chosen = headers or {}
        raw_path = quote(path, safe="/-_.~")
        raw_query = sigv4.canonical_query(query)
        url = f"{self._backend.url}{raw_path}" + (f"?{raw_query}" if raw_query else "")
        sent = {"accept-encoding": "identity", **chosen}
        if length is not None:
            sent["content-length"] = str(length)
        elif content is None and method in {"PUT", "POST"}:
            sent["content-length"] = "0"
        client = self._connected()
        give_up = time.monotonic() + self._patience_s
        while True:
            every = {**sent, **self._signature(method, raw_path, raw_query, chosen)}
            raw_headers = [(name.encode(), value.encode("latin-1")) for name, value in every.items()]
            request = client.build_request(method, url, headers=raw_headers, content=content)
            try:
                return await client.send(request, stream=True)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as failed:  # nothing of the body has been taken yet
                if time.monotonic() >= give_up:
                    raise unavailable() from failed
                await asyncio.sleep(_RECONNECT_S)
            except httpx2.TransportError as failed:
                raise unavailable() from failed

    def _signature(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> dict[str, str]:
        return sigv4.sign(
            method,
            path,
            query,
            {"host": self._host, **_to_sign(headers)},
            access_key=self._backend.access_key,
            secret_key=self._backend.secret_key,
            now=self._clock(),
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _connected(self) -> httpx2.AsyncClient:
        """Make the client at first use: an application that is mounted in another is told of no start."""
        if self._client is None:
            limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=32, keepalive_expiry=30.0)
            self._client = httpx2.AsyncClient(timeout=_TIMEOUT, limits=limits, trust_env=False, follow_redirects=False)
        return self._client
