"""ListMultipartUploads: the backend's whole list, ordered and cut here."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from starlette.responses import Response

from ondol.server.s3.asked import Asked, Services
from ondol.server.s3.behind import Behind, refusal
from ondol.server.s3.errors import S3Error
from ondol.server.s3.listing import common_prefix
from ondol.server.s3.numbers import number_in
from ondol.server.s3.xml_out import document, element, owner, url_encoded
from ondol.storage.objects.keycode import decode_key

_PAGE = 1000
_MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class _Upload:
    key: str
    upload_id: str
    begun: str


async def list_uploads(asked: Asked, _: Services, behind: Behind) -> Response:
    """ListMultipartUploads, by key and then by upload id."""
    most = number_in(asked.exchange, "max-uploads", _PAGE, 1, _PAGE)
    prefix, delimiter = asked.parameter("prefix"), asked.parameter("delimiter")
    key_mark, id_mark = asked.parameter("key-marker"), asked.parameter("upload-id-marker")
    if asked.parameter("encoding-type") not in {"", "url"}:
        raise S3Error("InvalidArgument", "encoding-type must be url, or left out")
    code = url_encoded if asked.parameter("encoding-type") else str
    shown: list[str] = []
    groups: list[str] = []
    last = _Upload(key_mark, id_mark, "")
    truncated = False
    for each in await _every(asked, behind):
        if not each.key.startswith(prefix) or not _follows(each, key_mark, id_mark):
            continue
        group = common_prefix(each.key, prefix, delimiter)
        if group and (group in groups[-1:] or group.encode() <= key_mark.encode()):
            continue
        if len(shown) + len(groups) == most:
            truncated = True
            break
        if group:
            groups.append(group)
            last = _Upload(group, "", "")
        else:
            shown.append(_shown(each, code(each.key), asked.caller.email))
            last = each
    content = (
        element("Bucket", asked.bucket) + element("KeyMarker", code(key_mark)) + element("UploadIdMarker", id_mark)
    )
    if truncated:
        content += element("NextKeyMarker", code(last.key)) + element("NextUploadIdMarker", last.upload_id)
    content += element("Prefix", code(prefix)) + (element("Delimiter", code(delimiter)) if delimiter else "")
    content += element("EncodingType", "url") if asked.parameter("encoding-type") else ""
    content += element("MaxUploads", most) + element("IsTruncated", "true" if truncated else "false")
    content += "".join(shown)
    content += "".join(f"<CommonPrefixes>{element('Prefix', code(each))}</CommonPrefixes>" for each in groups)
    return asked.xml(document("ListMultipartUploadsResult", content))


def _follows(each: _Upload, key_mark: str, id_mark: str) -> bool:
    """Whether an upload comes after the marks; without an id mark, after every upload of the key."""
    if not key_mark:
        return True
    key, mark = each.key.encode(), key_mark.encode()
    return key > mark or (key == mark and bool(id_mark) and each.upload_id > id_mark)


def _shown(each: _Upload, key: str, email: str) -> str:
    content = element("Key", key) + element("UploadId", each.upload_id)
    content += owner(email, "Initiator") + owner(email) + element("StorageClass", "STANDARD")
    return f"<Upload>{content}{element('Initiated', each.begun)}</Upload>"


async def _every(asked: Asked, behind: Behind) -> list[_Upload]:
    found: list[_Upload] = []
    marks = [("", "")]
    while len(marks) <= _MOST_PAGES:
        query = [("uploads", ""), ("max-uploads", str(_PAGE)), ("encoding-type", "url")]
        query += [
            (name, value) for name, value in zip(("key-marker", "upload-id-marker"), marks[-1], strict=True) if value
        ]
        answer = await behind.ask("GET", f"/{asked.backend}", query=query)
        if not answer.well:
            raise refusal(answer, bucket=asked.bucket)
        root = answer.document()
        for each in root.iterfind("{*}Upload"):
            key = decode_key(unquote(each.findtext("{*}Key") or ""))
            found.append(_Upload(key, each.findtext("{*}UploadId") or "", each.findtext("{*}Initiated") or ""))
        following = (unquote(root.findtext("{*}NextKeyMarker") or ""), root.findtext("{*}NextUploadIdMarker") or "")
        if root.findtext("{*}IsTruncated") != "true" or following in marks:
            break
        marks.append(following)
    return sorted(found, key=lambda each: (each.key.encode(), each.upload_id))
