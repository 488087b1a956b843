"""Which bucket and key a request means: path style (``host/bucket/key``) and virtual-host style (``bucket.host/key``).

Signatures cover the Host header and the path as they were sent, so they are checked before and apart from this.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from functools import cache

from ondol.server.s3.errors import S3Error

_ALWAYS = ("localhost",)
# What only a request on a bucket carries: tells, on a host nobody told us of, a list of objects from one of buckets.
_OF_BUCKETS = frozenset({"max-buckets"})
_NO_PATH_IS_A_BUCKET = frozenset({"PUT", "DELETE", "HEAD", "POST"})


class Addressing:
    """Tells the two styles apart.

    Parameters
    ----------
    base_hosts : names under which clients reach this front, without port; ``localhost`` and the names of this machine
        need not be given. ``bucket.NAME`` is virtual-host style, NAME itself path style.

    An IP address is path style always. Under a name that is neither a base host nor below one, the first labels are
    taken for a bucket when the caller has one of that name, or when the request makes sense in no other way. So a front
    behind an unforeseen name works in both styles; naming the host makes it certain. What may mean either of two
    buckets of the caller's is refused.
    """

    def __init__(self, base_hosts: Iterable[str] = ()) -> None:
        given = (each.lower().rstrip(".") for each in base_hosts)
        self._bases = sorted({*(each for each in given if each and not _is_address(each)), *_ALWAYS}, key=len)

    def split(
        self, host: str, path: str, method: str, query_names: frozenset[str], own: Callable[[str], bool]
    ) -> tuple[str, str]:
        """Give bucket and key, still percent-encoded as in the path; each empty where there is none.

        Parameters
        ----------
        host : the Host header
        path : of the request, as it was sent, without the slash it begins with
        method : HTTP method
        query_names : names of the query's parameters
        own : whether the caller has a bucket of that name; may be asked several times

        Raises S3Error InvalidRequest where both styles name a bucket of the caller's.
        """
        name = re.sub(r":[0-9]*$", "", host.strip()).lower().rstrip(".")
        first, _, rest = path.partition("/")
        if not name or _is_address(name.strip("[]")):
            return first, rest
        for base in reversed([*self._bases, *_machine_names()]):
            if name == base:
                return first, rest
            if name.endswith("." + base):
                return name.removesuffix("." + base), path
        bucket = self._guess(name, first, method, query_names, own)
        return (bucket, path) if bucket else (first, rest)

    @staticmethod
    def _guess(name: str, first: str, method: str, query_names: frozenset[str], own: Callable[[str], bool]) -> str:
        labels = name.split(".")
        for end in range(len(labels) - 1, 0, -1):
            candidate = ".".join(labels[:end])
            if not own(candidate):
                continue
            if first and own(first):
                raise S3Error(
                    "InvalidRequest",
                    f"This may mean your bucket {candidate!r} or your bucket {first!r}: have the host name of this "
                    "store configured as a base host, or use another name for it",
                )
            return "" if not first and query_names & _OF_BUCKETS else candidate
        if len(labels) < 2:
            return ""
        return labels[0] if not first and method in _NO_PATH_IS_A_BUCKET else ""


@cache
def _machine_names() -> tuple[str, ...]:
    name = socket.gethostname().lower()
    return (name,) if name and not _is_address(name) else ()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
