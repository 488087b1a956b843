"""The S3 operations that the front serves, told apart by method, path and query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ondol.server.s3.errors import S3Error


@dataclass(frozen=True, slots=True)
class Operation:
    """One S3 operation.

    Parameters
    ----------
    name : as the S3 API Reference has it
    query : names of the query parameters that are passed on as they came; all others are not
    """

    name: str
    query: frozenset[str] = frozenset()


def _operation(name: str, query: str = "") -> Operation:
    return Operation(name, frozenset(query.split()))


_RESPONSE = (
    "response-cache-control response-content-disposition response-content-encoding response-content-language "
    "response-content-type response-expires"
)

LIST_BUCKETS = _operation("ListBuckets")
CREATE_BUCKET = _operation("CreateBucket")

# (on an object?, method, what the query selects) -> operation
_TABLE: dict[tuple[bool, str, str], Operation] = {
    (False, "PUT", ""): CREATE_BUCKET,
    (False, "DELETE", ""): _operation("DeleteBucket"),
    (False, "HEAD", ""): _operation("HeadBucket"),
    (False, "GET", ""): _operation("ListObjects"),
    (False, "GET", "location"): _operation("GetBucketLocation"),
    (False, "GET", "versioning"): _operation("GetBucketVersioning"),
    (False, "GET", "versions"): _operation("ListObjectVersions"),
    (False, "GET", "uploads"): _operation("ListMultipartUploads"),
    (False, "GET", "acl"): _operation("GetBucketAcl"),
    (False, "PUT", "acl"): _operation("PutBucketAcl"),
    (False, "POST", "delete"): _operation("DeleteObjects"),
    (True, "PUT", ""): _operation("PutObject"),
    (True, "PUT", "uploadId"): _operation("UploadPart"),
    (True, "GET", ""): _operation("GetObject", f"partNumber {_RESPONSE}"),
    (True, "HEAD", ""): _operation("HeadObject", f"partNumber {_RESPONSE}"),
    (True, "DELETE", ""): _operation("DeleteObject"),
    (True, "DELETE", "uploadId"): _operation("AbortMultipartUpload"),
    (True, "POST", "uploads"): _operation("CreateMultipartUpload"),
    (True, "POST", "uploadId"): _operation("CompleteMultipartUpload"),
    (True, "GET", "uploadId"): _operation("ListParts"),
    (True, "GET", "acl"): _operation("GetObjectAcl"),
    (True, "PUT", "acl"): _operation("PutObjectAcl"),
    (True, "GET", "tagging"): _operation("GetObjectTagging"),
    (True, "PUT", "tagging"): _operation("PutObjectTagging"),
    (True, "DELETE", "tagging"): _operation("DeleteObjectTagging"),
}

_SELECTOR_NAMES = (  # those above, then those of S3 that are not served
    "location delete versions versioning uploads uploadId tagging acl "
    "accelerate analytics attributes cors encryption intelligent-tiering inventory legal-hold lifecycle logging "
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

    Raises S3Error NotImplemented or MethodNotAllowed.
    """
    chosen = sorted({name for name, _ in query} & _SELECTORS)
    found = _TABLE.get((on_object, method, chosen[0] if chosen else "")) if len(chosen) < 2 else None
    if found is None and method not in {"GET", "HEAD", "PUT", "POST", "DELETE"}:
        raise S3Error("MethodNotAllowed", f"{method} is no method of S3's")
    if found is None:
        asked = f"{method} {'object' if on_object else 'bucket'}" + (f" ?{'&'.join(chosen)}" if chosen else "")
        raise S3Error("NotImplemented", f"This store does not offer {asked}")
    return found
