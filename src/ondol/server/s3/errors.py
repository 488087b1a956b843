"""S3 errors: their codes, statuses and the XML that carries them."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from ondol.model.errors import OndolError
from ondol.server.s3.xml_out import HEAD, element

XML_TYPE = "application/xml"

_STATUS = {
    "AccessControlListNotSupported": 400,
    "AccessDenied": 403,
    "AccessForbidden": 403,
    "AuthorizationHeaderMalformed": 400,
    "AuthorizationQueryParametersError": 400,
    "BadDigest": 400,
    "BucketNotEmpty": 409,
    "ConditionalRequestConflict": 409,
    "EntityTooLarge": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidDigest": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidURI": 400,
    "KeyTooLongError": 400,
    "MalformedXML": 400,
    "MetadataTooLarge": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "NotFound": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "PreconditionFailed": 412,
    "QuotaExceeded": 403,
    "RequestTimeTooSkewed": 403,
    "RequestTimeout": 400,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "TooManyBuckets": 400,
    "XAmzContentSHA256Mismatch": 400,
}


class S3Error(OndolError):
    """An answer other than success, as S3 says it.

    Parameters
    ----------
    code : S3's name of the error; decides the HTTP status
    message : what is wrong and what to do
    bucket, key : what it is about, by the account's own names
    status : HTTP status where it is not the code's usual one
    more : further elements of the error document
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        bucket: str | None = None,
        key: str | None = None,
        status: int | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.bucket = bucket
        self.key = key
        self.more = dict(more or {})
        self.status = status or _STATUS.get(code, 400)


def no_such_bucket(bucket: str) -> S3Error:
    """Give the error for a bucket that the account does not have."""
    return S3Error("NoSuchBucket", f"You have no bucket named {bucket!r}: create it first", bucket=bucket)


def unavailable() -> S3Error:
    """Give the error that says the backend is down; SDKs try again on it."""
    return S3Error("ServiceUnavailable", "The object store is starting or out of order: try again in a few seconds")


def error_response(error: S3Error, *, resource: str, request_id: str, head: bool) -> Response:
    """Make the HTTP answer of an error.

    Parameters
    ----------
    error : what went wrong
    resource : path that was asked for, by the account's own names
    request_id : id to find the request by
    head : whether the request was HEAD, whose answers have no body
    """
    about = {"BucketName": error.bucket, "Key": error.key, **error.more}
    body = (
        f"{HEAD}<Error>{element('Code', error.code)}{element('Message', str(error))}"
        + "".join(element(name, value) for name, value in about.items() if value)
        + f"{element('Resource', resource)}{element('RequestId', request_id)}</Error>"
    )
    headers = {"x-amz-request-id": request_id}
    if error.status == 503:
        headers["Retry-After"] = "1"
    bare = head or error.status == 304
    return Response(b"" if bare else body.encode(), status_code=error.status, media_type=XML_TYPE, headers=headers)
