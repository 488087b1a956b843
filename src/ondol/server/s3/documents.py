"""The XML that the front itself writes, reads and rewrites."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from xml.etree import ElementTree

from ondol.server.s3.errors import S3Error
from ondol.server.s3.names import check_key, check_parameter

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_MOST_KEYS = 1000  # of one DeleteObjects, as S3

# Markup cannot occur inside a value (it is escaped there), so matching it in the bytes is safe and keeps all else.
_NAMES = re.compile(rb"<(Name|Bucket|BucketName)>([^<]*)</\1>")
_PATHS = re.compile(rb"<(Resource|Location)>([^<]*)</\1>")
_CODE = re.compile(rb"<Code>([^<]*)</Code>")


def list_buckets(owner: str, buckets: Sequence[tuple[str, datetime]]) -> bytes:
    """Write the answer to ListBuckets.

    Parameters
    ----------
    owner : the caller's e-mail
    buckets : names and when they were made (aware)
    """
    entries = "".join(
        f"<Bucket><Name>{escape(name)}</Name><CreationDate>{made.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}</CreationDate>"
        "</Bucket>"
        for name, made in sorted(buckets)
    )
    who = f"<Owner><ID>{escape(owner)}</ID><DisplayName>{escape(owner)}</DisplayName></Owner>"
    body = f'<ListAllMyBucketsResult xmlns="{_NAMESPACE}">{who}<Buckets>{entries}</Buckets></ListAllMyBucketsResult>'
    return (_HEAD + body).encode()


def bucket_location() -> bytes:
    """Write the answer to GetBucketLocation: there is one place only."""
    return f'{_HEAD}<LocationConstraint xmlns="{_NAMESPACE}"/>'.encode()


def delete_request(body: bytes) -> bytes:
    """Read the caller's DeleteObjects document and write it anew from what was understood and found harmless.

    Parameters
    ----------
    body : UTF-8 XML

    Raises S3Error MalformedXML or InvalidArgument.
    """
    try:
        text = body.decode()
        if "<!" in text:  # document types and entities have no place here
            raise S3Error("MalformedXML", "The list of keys to delete must not declare a document type")
        root = ElementTree.fromstring(text)  # noqa: S314  no declarations, see above
    except (UnicodeDecodeError, ElementTree.ParseError, ValueError):
        raise S3Error("MalformedXML", "The list of keys to delete is not well-formed XML in UTF-8") from None
    objects = root.findall("{*}Object")
    if not 1 <= len(objects) <= _MOST_KEYS:
        raise S3Error("MalformedXML", f"Give from 1 to {_MOST_KEYS} keys to delete at a time")
    parts = []
    for each in objects:
        key, version = each.findtext("{*}Key") or "", each.findtext("{*}VersionId") or ""
        check_key(key)
        check_parameter("versionId", version)
        which = f"<VersionId>{escape(version)}</VersionId>" if version else ""
        parts.append(f"<Object><Key>{_escaped(key)}</Key>{which}</Object>")
    quiet = (root.findtext("{*}Quiet") or "").strip().lower() == "true"
    told = f"<Quiet>{'true' if quiet else 'false'}</Quiet>"
    return f'{_HEAD}<Delete xmlns="{_NAMESPACE}">{told}{"".join(parts)}</Delete>'.encode()


def with_own_names(body: bytes, names: Mapping[str, str], base_url: str) -> bytes:
    """Put the account's bucket names where the backend wrote its own.

    Parameters
    ----------
    body : an XML answer of the backend; never object data
    names : backend name to the account's name
    base_url : the front's own address, without a slash at the end
    """
    known = {backend.encode(): own.encode() for backend, own in names.items()}

    def name(found: re.Match[bytes]) -> bytes:
        tag, value = found[1], found[2]
        return b"<%b>%b</%b>" % (tag, known.get(value, value), tag)

    def path(found: re.Match[bytes]) -> bytes:
        tag, value = found[1], found[2]
        tail = re.sub(rb"^https?://[^/]*", b"", value).removeprefix(b"/")
        bucket, slash, key = tail.partition(b"/")
        start = base_url.encode() if tag == b"Location" else b""
        return b"<%b>%b/%b%b%b</%b>" % (tag, start, known.get(bucket, bucket), slash, key, tag)

    return _PATHS.sub(path, _NAMES.sub(name, body))


def error_code(body: bytes) -> str:
    """Give the code in an error answer of the backend, empty when there is none."""
    found = _CODE.search(body)
    return found[1].decode(errors="replace") if found else ""


def _escaped(key: str) -> str:
    """Escape a key so that XML readers give it back whole; a bare CR would come back as LF."""
    return escape(key).replace("\r", "&#13;")
