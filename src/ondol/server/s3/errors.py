"""S3 errors: their codes, statuses and the XML that carries them."""

from __future__ import annotations

from html import escape

from starlette.responses import Response

from ondol.model.errors import OndolError

XML_TYPE = "application/xml"

_STATUS = {
    "AccessDenied": 403,
    "AuthorizationHeaderMalformed": 400,
    "AuthorizationQueryParametersError": 400,
    "BadDigest": 400,
    "EntityTooLarge": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "MalformedXML": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NotImplemented": 501,
    "RequestTimeTooSkewed": 403,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "XAmzContentSHA256Mismatch": 400,
}


class S3Error(OndolError):
    """An answer other than success, as S3 says it.

    Parameters
    ----------
    code : S3's name of the error; decides the HTTP status
    message : what is wrong and what to do
    bucket : the bucket it is about, by the account's own name
    """

    def __init__(self, code: str, message: str, *, bucket: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.bucket = bucket
        self.status = _STATUS[code]


def no_such_bucket(bucket: str) -> S3Error:
    """Give the error for a bucket that the account does not have."""
    return S3Error("NoSuchBucket", f"You have no bucket named {bucket!r}: create it first", bucket=bucket)


def error_response(error: S3Error, *, resource: str, request_id: str, head: bool) -> Response:
    """Make the HTTP answer of an error.

    Parameters
    ----------
    error : what went wrong
    resource : path that was asked for, by the account's own names
    request_id : id to find the request by
    head : whether the request was HEAD, whose answers have no body
    """
    about = f"<BucketName>{escape(error.bucket, quote=False)}</BucketName>" if error.bucket else ""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{error.code}</Code><Message>{_text(str(error))}</Message>{_printable(about)}"
        f"<Resource>{_text(resource)}</Resource><RequestId>{request_id}</RequestId></Error>"
    )
    headers = {"x-amz-request-id": request_id}
    if error.status == 503:
        headers["Retry-After"] = "1"
    return Response(b"" if head else body.encode(), status_code=error.status, media_type=XML_TYPE, headers=headers)


def _text(value: str) -> str:
    return _printable(escape(value, quote=False))


def _printable(value: str) -> str:
    """Replace what XML 1.0 cannot carry."""
    return "".join(each if each >= " " and each not in "\ufffe\uffff" else "?" for each in value)
