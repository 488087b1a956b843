"""The S3 operations that the front serves, told apart by method, path and query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ondol.server.s3.errors import S3Error


class Body(Enum):
    """What a request's body is."""

    NONE = "none"
    SMALL = "small"  # XML for the backend, read whole
    DATA = "data"  # an object or a part of one, streamed


@dataclass(frozen=True, slots=True)
class Operation:
    """One S3 operation.

    Parameters
    ----------
    name : as the S3 API Reference has it
    query : names of the query parameters that are passed on; all others are not
    body : what its body is
    gives_data : whether a success carries object data, never touched, rather than XML
    """

    name: str
    query: frozenset[str] = frozenset()
    body: Body = Body.NONE
    gives_data: bool = False


def _operation(name: str, query: str = "", body: Body = Body.NONE, *, gives_data: bool = False) -> Operation:
    return Operation(name, frozenset(query.split()), body, gives_data)


_LIST = "list-type prefix marker delimiter max-keys encoding-type continuation-token start-after fetch-owner"
_LIST_VERSIONS = "versions prefix delimiter max-keys encoding-type key-marker version-id-marker"
_LIST_UPLOADS = "uploads prefix delimiter max-uploads encoding-type key-marker upload-id-marker"
_RESPONSE = (
    "response-cache-control response-content-disposition response-content-encoding response-content-language "
    "response-content-type response-expires"
)

LIST_BUCKETS = _operation("ListBuckets")
CREATE_BUCKET = _operation("CreateBucket", body=Body.SMALL)
DELETE_BUCKET = _operation("DeleteBucket")
GET_BUCKET_LOCATION = _operation("GetBucketLocation")
DELETE_OBJECTS = _operation("DeleteObjects", "delete", Body.SMALL)

# (on an object?, method, what the query selects) -> operation
_TABLE: dict[tuple[bool, str, str], Operation] = {
    (False, "PUT", ""): CREATE_BUCKET,
    (False, "DELETE", ""): DELETE_BUCKET,
    (False, "GET", "location"): GET_BUCKET_LOCATION,
    (False, "POST", "delete"): DELETE_OBJECTS,
    (False, "HEAD", ""): _operation("HeadBucket"),
    (False, "GET", ""): _operation("ListObjects", _LIST),
    (False, "GET", "versions"): _operation("ListObjectVersions", _LIST_VERSIONS),
    (False, "GET", "versioning"): _operation("GetBucketVersioning", "versioning"),
    (False, "GET", "uploads"): _operation("ListMultipartUploads", _LIST_UPLOADS),
    (True, "PUT", ""): _operation("PutObject", body=Body.DATA),
    (True, "PUT", "uploadId"): _operation("UploadPart", "uploadId partNumber", Body.DATA),
    (True, "GET", ""): _operation("GetObject", f"versionId partNumber {_RESPONSE}", gives_data=True),
    (True, "HEAD", ""): _operation("HeadObject", f"versionId partNumber {_RESPONSE}", gives_data=True),
    (True, "DELETE", ""): _operation("DeleteObject", "versionId"),
    (True, "DELETE", "uploadId"): _operation("AbortMultipartUpload", "uploadId"),
    (True, "POST", "uploads"): _operation("CreateMultipartUpload", "uploads"),
    (True, "POST", "uploadId"): _operation("CompleteMultipartUpload", "uploadId", Body.SMALL),
    (True, "GET", "uploadId"): _operation("ListParts", "uploadId max-parts part-number-marker encoding-type"),
    (True, "GET", "tagging"): _operation("GetObjectTagging", "tagging versionId"),
    (True, "PUT", "tagging"): _operation("PutObjectTagging", "tagging versionId", Body.SMALL),
    (True, "DELETE", "tagging"): _operation("DeleteObjectTagging", "tagging versionId"),
}

_SELECTOR_NAMES = (  # those above, then those of S3 that are not served
    "location delete versions versioning uploads uploadId tagging "
    "accelerate acl analytics attributes cors encryption intelligent-tiering inventory legal-hold lifecycle logging "
    "metrics notification object-lock ownershipControls policy policyStatus publicAccessBlock replication "
    "requestPayment restore retention select select-type torrent website"
)
_SELECTORS = frozenset(_SELECTOR_NAMES.split())


def operation_of(method: str, *, on_object: bool, query: Sequence[tuple[str, str]]) -> Operation:
    """Say which operation a request on a bucket or an object asks for.

    Parameters
    ----------
    method : HTTP method
    on_object : whether the path names a key
    query : decoded parameters

    Raises S3Error NotImplemented.
    """
    chosen = sorted({name for name, _ in query} & _SELECTORS)
    found = _TABLE.get((on_object, method, chosen[0] if chosen else "")) if len(chosen) < 2 else None
    if found is None:
        asked = f"{method} {'object' if on_object else 'bucket'}" + (f" ?{'&'.join(chosen)}" if chosen else "")
        raise S3Error("NotImplemented", f"This store does not offer {asked}")
    return found
