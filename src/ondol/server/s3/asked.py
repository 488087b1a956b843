"""A request that has been understood, and what its handler may use."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from ondol.server.s3.credentials import Caller
from ondol.server.s3.errors import XML_TYPE
from ondol.server.s3.exchange import Exchange
from ondol.server.s3.names import stored_name
from ondol.server.s3.operations import Operation
from ondol.server.s3.ports import BucketDirectory
from ondol.server.s3.quota import Quota


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose caller, operation and bucket are known.

    Parameters
    ----------
    account : id of the caller's account
    bucket, key : by the account's own names; each empty where the request names none
    backend : the bucket's name behind; empty where it does not exist yet
    """

    exchange: Exchange
    caller: Caller
    account: str
    operation: Operation
    bucket: str
    key: str
    backend: str

    @property
    def path(self) -> str:
        """The object's, or the bucket's, path behind."""
        return f"/{self.backend}/{stored_name(self.key)}" if self.key else f"/{self.backend}"

    def parameter(self, name: str) -> str:
        """Give a query parameter, empty where it was not sent."""
        return self.exchange.parameter(name) or ""

    def xml(self, body: bytes, status: int = 200) -> Response:
        """Make an answer of a document."""
        return Response(body, status, {"x-amz-request-id": self.exchange.id}, XML_TYPE)

    def nothing(self, status: int = 204, headers: dict[str, str] | None = None) -> Response:
        """Make an answer without a body."""
        return Response(b"", status, {**(headers or {}), "x-amz-request-id": self.exchange.id})


@dataclass(frozen=True, slots=True)
class Services:
    """What handlers use: who owns which bucket, the backend, and the accounts' room in it."""

    directory: BucketDirectory
    quota: Quota
