"""The XML of the front's answers about buckets and single objects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ondol.server.s3.xml_out import document, element, owner

_SCHEMA = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"'


def list_buckets(
    email: str, buckets: Sequence[tuple[str, datetime]], *, prefix: str = "", following: str = ""
) -> bytes:
    """Write the answer to ListBuckets.

    Parameters
    ----------
    email : the caller's
    buckets : names and when they were made (aware), in order
    prefix : they were asked for by, if any
    following : token for the next page, if there is one
    """
    entries = "".join(
        f"<Bucket>{element('Name', name)}{element('CreationDate', f'{made.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}')}"
        "</Bucket>"
        for name, made in buckets
    )
    more = element("Prefix", prefix) if prefix else ""
    more += element("ContinuationToken", following) if following else ""
    return document("ListAllMyBucketsResult", f"{owner(email)}<Buckets>{entries}</Buckets>{more}")


def bucket_location() -> bytes:
    """Write the answer to GetBucketLocation: there is one place only."""
    return document("LocationConstraint", "")


def versioning() -> bytes:
    """Write the answer to GetBucketVersioning of a bucket that never had any."""
    return document("VersioningConfiguration", "")


def private_access(email: str) -> bytes:
    """Write an access list that gives its owner everything."""
    grantee = owner(email, "Grantee").replace("<Grantee>", f"<Grantee {_SCHEMA}>", 1)
    grant = f"<Grant>{grantee}{element('Permission', 'FULL_CONTROL')}</Grant>"
    return document("AccessControlPolicy", f"{owner(email)}<AccessControlList>{grant}</AccessControlList>")


def copied(root: str, etag: str, modified: str, checksums: str = "") -> bytes:
    """Write the answer to CopyObject or UploadPartCopy.

    Parameters
    ----------
    root : CopyObjectResult or CopyPartResult
    etag : without quotes
    modified : ISO 8601
    checksums : further elements, written out
    """
    return document(root, element("LastModified", modified) + element("ETag", f'"{etag}"') + checksums)
