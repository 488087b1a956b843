"""What handlers ask of the backend: whole answers, sizes of objects, pages of a listing; its errors in our words."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote
from xml.etree import ElementTree

import httpx2

from ondol.server.s3.errors import S3Error, unavailable
from ondol.server.s3.forward import Forwarder
from ondol.server.s3.listing import Entry
from ondol.storage.objects.keycode import decode_key

_log = logging.getLogger(__name__)
_CODE = re.compile(rb"<Code>([^<]*)</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")
_SPARSE_PAGES = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of the backend."""

    status: int
    headers: httpx2.Headers
    body: bytes

    @property
    def well(self) -> bool:
        """Whether it was done."""
        return self.status < 300

    @property
    def code(self) -> str:
        """S3's name of the error, empty when there is none."""
        found = _CODE.search(self.body)
        return found[1].decode(errors="replace") if found else ""

    def document(self) -> ElementTree.Element:
        """Read the XML; S3Error ServiceUnavailable where it is none."""
        try:
            return ElementTree.fromstring(self.body)  # noqa: S314  our own backend's
        except ElementTree.ParseError:
            _log.exception("The backend's answer is no XML")
            raise unavailable() from None


class Behind:
    """The backend as handlers see it.

    Parameters
    ----------
    forwarder : its connections
    """

    def __init__(self, forwarder: Forwarder) -> None:
        self.forwarder = forwarder

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        content: AsyncIterator[bytes] | bytes | None = None,
        length: int | None = None,
    ) -> Answer:
        """Send a request and give the whole answer; parameters and errors as `Forwarder.send`."""
        response = await self.forwarder.send(method, path, query=query, headers=headers, content=content, length=length)
        return await whole(response)

    async def size_of(self, path: str) -> int | None:
        """Give the length of an object [bytes], None where there is none."""
        answer = await self.ask("HEAD", path)
        if answer.status == 404:
            return None
        if not answer.well:
            raise refusal(answer)
        return int(answer.headers.get("content-length", "0"))

    async def listed(self, backend: str, prefix: str, after: str, count: int) -> tuple[list[Entry], bool]:
        """Give the next objects of a bucket in order, and whether there are more.

        Parameters
        ----------
        backend : its name behind
        prefix, after : codes (`keycode`), not keys; what comes is after `after`, exclusive
        count : 1 to 1,000
        """
        query = [("list-type", "2"), ("encoding-type", "url"), ("max-keys", str(count))]
        query += [(name, value) for name, value in (("prefix", prefix), ("start-after", after)) if value]
        answer = await self.ask("GET", f"/{backend}", query=query)
        if not answer.well:
            raise refusal(answer)
        root = answer.document()
        entries = [
            Entry(
                key=decode_key(name := unquote(each.findtext("{*}Key") or "")),
                name=name,
                size=int(each.findtext("{*}Size") or 0),
                etag=(each.findtext("{*}ETag") or "").strip('"'),
                modified=each.findtext("{*}LastModified") or "",
            )
            for each in root.iterfind("{*}Contents")
        ]
        return entries, root.findtext("{*}IsTruncated") == "true"

    async def sizes_of(self, backend: str, names: Sequence[str]) -> dict[str, int] | None:
        """Give the sizes [bytes] of those of `names` (codes) that exist, None where that would take too many pages.

        Names that are deleted together mostly lie together, so that a page or two of a listing has them all.
        """
        found: dict[str, int] = {}
        waiting = sorted(set(names), key=str.encode)
        pages = 0
        while waiting:
            if pages == _SPARSE_PAGES:
                return None
            pages += 1
            entries, more = await self.listed(backend, "", _just_before(waiting[0]), 1000)
            wanted = set(waiting)
            found |= {each.name: each.size for each in entries if each.name in wanted}
            if not more or not entries:
                break
            end = entries[-1].name.encode()
            waiting = [each for each in waiting if each.encode() > end]
        return found


def _just_before(name: str) -> str:
    """Give a mark that sorts before `name`, with hardly a name in between."""
    last = name[-1]
    lower = {"0": "-", "]": "[", "!": "", "\ue000": ""}.get(last, chr(ord(last) - 1))  # no slash, backslash, surrogate
    return name[:-1] + lower + "\U0010ffff" if lower else name[:-1]


async def whole(response: httpx2.Response) -> Answer:
    """Read an answer to its end; S3Error ServiceUnavailable where it breaks off."""
    try:
        return Answer(response.status_code, response.headers, await response.aread())
    except httpx2.TransportError as failed:
        raise unavailable() from failed
    finally:
        await response.aclose()


def refusal(answer: Answer, *, bucket: str | None = None, key: str | None = None) -> S3Error:
    """Give an error answer of the backend as our own, with the account's names.

    A refusal of *us* (403) and faults of the backend's own become ServiceUnavailable: the caller did nothing wrong.
    """
    if answer.status == 403 or answer.status >= 500:
        _log.error("The S3 backend answers %s %s", answer.status, answer.code)
        return unavailable()
    if answer.status == 304:
        return S3Error("NotModified", "It has not changed")
    if answer.code == "NoSuchKey":
        return S3Error("NoSuchKey", f"There is no object {key!r} in this bucket", bucket=bucket, key=key)
    found = _MESSAGE.search(answer.body)
    message = unescape(found[1].decode(errors="replace")) if found else "The object store refused this request"
    return S3Error(answer.code or _BARE.get(answer.status, "InvalidRequest"), message, key=key, status=answer.status)


_BARE = {404: "NotFound", 412: "PreconditionFailed", 416: "InvalidRange"}  # HEAD has no body to say it in
