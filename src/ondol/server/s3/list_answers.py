"""ListObjects (both versions) and ListObjectVersions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from starlette.responses import Response

from ondol.server.s3.asked import Asked, Services
from ondol.server.s3.behind import Behind
from ondol.server.s3.errors import S3Error
from ondol.server.s3.listing import Entry, Page, page
from ondol.server.s3.numbers import number_in
from ondol.server.s3.xml_out import document, element, owner, url_encoded

MOST_KEYS = 1000
_LONGEST_MARK = 4096


async def list_objects(asked: Asked, _: Services, behind: Behind) -> Response:
    """ListObjects, or with ``list-type=2`` ListObjectsV2."""
    if asked.parameter("list-type") not in {"", "2"}:
        raise S3Error("InvalidArgument", "list-type must be 2, or left out")
    return await (_second if asked.parameter("list-type") else _first)(asked, behind)


async def _first(asked: Asked, behind: Behind) -> Response:
    code = _coding(asked)
    limit = number_in(asked.exchange, "max-keys", MOST_KEYS, 0, MOST_KEYS)
    found = await _page(asked, behind, after=_mark(asked, "marker"), limit=limit)
    content = _asked_for(asked, code, limit, found.truncated) + element("Marker", code(asked.parameter("marker")))
    if found.truncated:
        content += element("NextMarker", code(found.last))
    content += "".join(_entry(each, code, owner(asked.caller.email)) for each in found.entries)
    return asked.xml(document("ListBucketResult", content + _prefixes(found, code)))


async def _second(asked: Asked, behind: Behind) -> Response:
    code = _coding(asked)
    limit = number_in(asked.exchange, "max-keys", MOST_KEYS, 0, MOST_KEYS)
    token = asked.exchange.parameter("continuation-token")
    after = _mark(asked, "start-after") if token is None else _from_token(token)
    found = await _page(asked, behind, after=after, limit=limit)
    content = _asked_for(asked, code, limit, found.truncated) + element("KeyCount", len(found))
    if token is not None:
        content += element("ContinuationToken", token)
    if asked.exchange.parameter("start-after"):
        content += element("StartAfter", code(asked.parameter("start-after")))
    if found.truncated:
        content += element("NextContinuationToken", _to_token(found.last))
    whose = owner(asked.caller.email) if asked.parameter("fetch-owner").lower() == "true" else ""
    content += "".join(_entry(each, code, whose) for each in found.entries)
    return asked.xml(document("ListBucketResult", content + _prefixes(found, code)))


async def list_versions(asked: Asked, _: Services, behind: Behind) -> Response:
    """ListObjectVersions: every object is its own latest version, named ``null``."""
    code = _coding(asked)
    limit = number_in(asked.exchange, "max-keys", MOST_KEYS, 0, MOST_KEYS)
    found = await _page(asked, behind, after=_mark(asked, "key-marker"), limit=limit)
    content = _asked_for(asked, code, limit, found.truncated)
    content += element("KeyMarker", code(asked.parameter("key-marker")))
    content += element("VersionIdMarker", asked.parameter("version-id-marker"))
    if found.truncated:
        content += element("NextKeyMarker", code(found.last)) + element("NextVersionIdMarker", "null")
    version = f"{element('VersionId', 'null')}{element('IsLatest', 'true')}"
    whose = owner(asked.caller.email)
    content += "".join(_entry(each, code, whose, "Version", version) for each in found.entries)
    return asked.xml(document("ListVersionsResult", content + _prefixes(found, code)))


async def _page(asked: Asked, behind: Behind, *, after: str, limit: int) -> Page:
    async def fetch(prefix: str, mark: str, count: int) -> tuple[list[Entry], bool]:
        return await behind.listed(asked.backend, prefix, mark, count)

    prefix, delimiter = _mark(asked, "prefix"), _mark(asked, "delimiter")
    return await page(fetch, prefix=prefix, delimiter=delimiter, after=after, limit=limit)


def _mark(asked: Asked, name: str) -> str:
    value = asked.parameter(name)
    if "\0" in value or len(value) > _LONGEST_MARK:
        raise S3Error("InvalidArgument", f"{name} is longer than any key, or holds a null character")
    return value


def _asked_for(asked: Asked, code: Callable[[str], str], limit: int, truncated: bool) -> str:
    """Write what both versions say back to the caller."""
    content = element("Name", asked.bucket) + element("Prefix", code(asked.parameter("prefix")))
    if asked.parameter("delimiter"):
        content += element("Delimiter", code(asked.parameter("delimiter")))
    if asked.parameter("encoding-type"):
        content += element("EncodingType", "url")
    return content + element("MaxKeys", limit) + element("IsTruncated", "true" if truncated else "false")


def _entry(each: Entry, code: Callable[[str], str], whose: str, root: str = "Contents", version: str = "") -> str:
    return (
        f"<{root}>{element('Key', code(each.key))}{version}{element('LastModified', each.modified)}"
        f"{element('ETag', chr(34) + each.etag + chr(34))}{element('Size', each.size)}{whose}"
        f"{element('StorageClass', 'STANDARD')}</{root}>"
    )


def _prefixes(found: Page, code: Callable[[str], str]) -> str:
    return "".join(f"<CommonPrefixes>{element('Prefix', code(each))}</CommonPrefixes>" for each in found.prefixes)


def _coding(asked: Asked) -> Callable[[str], str]:
    given = asked.parameter("encoding-type")
    if given not in {"", "url"}:
        raise S3Error("InvalidArgument", "encoding-type must be url, or left out")
    return url_encoded if given else str


def _to_token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _from_token(token: str) -> str:
    try:
        last = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        last = ""
    if not last or "\0" in last or len(last) > _LONGEST_MARK:
        raise S3Error("InvalidArgument", "continuation-token is not one that this store gave out")
    return last
