"""DeleteObjects: up to 1,000 keys in one request."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from starlette.responses import Response

from ondol.server.s3 import bodies
from ondol.server.s3.asked import Asked, Services
from ondol.server.s3.behind import Answer, Behind, refusal
from ondol.server.s3.errors import S3Error
from ondol.server.s3.names import check_version, stored_name
from ondol.server.s3.xml_out import document, element

_MOST_KEYS = 1000  # as S3


@dataclass(frozen=True, slots=True)
class DeleteList:
    """Keys to delete by their codes, those refused with why, and whether only errors are to be told."""

    keys: dict[str, str]
    versioned: frozenset[str]
    refused: list[tuple[str, S3Error]]
    quiet: bool


async def delete_objects(asked: Asked, services: Services, behind: Behind) -> Response:
    """DeleteObjects; keys that are not there count as deleted."""
    wanted = read_list(await bodies.small(asked))
    book = services.quota.book
    async with services.quota.room(asked.account, asked.backend, "", 0) as write:
        sizes = await behind.sizes_of(asked.backend, list(wanted.keys))
        answer = await _ask(asked, behind, wanted) if wanted.keys else None
        failed = _failed(answer) if answer is not None else {}
        if sizes is None or failed:
            book.doubt(asked.backend)
        else:
            write.done = True
            write.bytes -= sum(sizes.values())
            write.objects -= len(sizes)
    content = "".join(_error(key, error.code, str(error)) for key, error in wanted.refused)
    for name, key in wanted.keys.items():
        if name in failed:
            content += _error(key, *failed[name])
        elif not wanted.quiet:
            version = element("VersionId", "null") if key in wanted.versioned else ""
            content += f"<Deleted>{element('Key', key)}{version}</Deleted>"
    return asked.xml(document("DeleteResult", content))


async def _ask(asked: Asked, behind: Behind, wanted: DeleteList) -> Answer:
    objects = "".join(f"<Object>{element('Key', name)}</Object>" for name in wanted.keys)
    body = document("Delete", f"<Quiet>true</Quiet>{objects}")
    answer = await behind.ask("POST", asked.path, query=[("delete", "")], content=body, length=len(body))
    if not answer.well:
        raise refusal(answer, bucket=asked.bucket)
    return answer


def _failed(answer: Answer) -> dict[str, tuple[str, str]]:
    return {
        each.findtext("{*}Key") or "": (
            each.findtext("{*}Code") or "InternalError",
            each.findtext("{*}Message") or "It could not be deleted: try again",
        )
        for each in answer.document().iterfind("{*}Error")
    }


def _error(key: str, code: str, message: str) -> str:
    return f"<Error>{element('Key', key)}{element('Code', code)}{element('Message', message)}</Error>"


def read_list(body: bytes) -> DeleteList:
    """Read a DeleteObjects document; an empty one is fine, for older C# SDKs send it. S3Error MalformedXML."""
    root = bodies.parsed(body, "list of keys to delete")
    objects = root.findall("{*}Object")
    if len(objects) > _MOST_KEYS or not root.tag.rpartition("}")[2] == "Delete":
        raise S3Error("MalformedXML", f"Give a Delete document of at most {_MOST_KEYS} keys at a time")
    keys: dict[str, str] = {}
    versioned: set[str] = set()
    refused: list[tuple[str, S3Error]] = []
    for each in objects:
        key = _text(each, "Key")
        version = _text(each, "VersionId")
        if not key:
            raise S3Error("MalformedXML", "An object to delete has no key")
        try:
            check_version(version)
            keys[stored_name(key)] = key
        except S3Error as wrong:
            refused.append((key, wrong))
        if version:
            versioned.add(key)
    quiet = _text(root, "Quiet").strip().lower() == "true"
    return DeleteList(keys, frozenset(versioned), refused, quiet)


def _text(parent: ElementTree.Element, name: str) -> str:
    return parent.findtext(f"{{*}}{name}") or ""
