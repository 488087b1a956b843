"""Tolerant paths and query names, before any route is looked up (rules 1 and 3 of `reference/qarnot-api.md`)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, urlencode

from starlette.types import ASGIApp, Receive, Scope, Send

Template = tuple[str | None, ...]  # literal segments; None where any segment may stand
REST = "{…}"  # last segment of a template whose rest may be any number of segments


class TolerantPaths:
    """ASGI middleware that brings a path to the form that the routes have, without a redirect.

    Served alike: bare and under `/v1`, doubled and trailing slashes, any case of the fixed segments and of query names.

    Parameters
    ----------
    routes : paths of the routes, e.g. `/tasks/{key}/abort`
    queries : names of query parameters as the routes spell them; others become lower case
    """

    def __init__(self, app: ASGIApp, routes: Iterable[str], queries: Iterable[str]) -> None:
        self._app = app
        # By how many segments they have and how they begin: few are left to compare with a path.
        self._exact: dict[tuple[int, str | None], list[Template]] = {}
        self._open: dict[str | None, list[Template]] = {}
        for template in dict.fromkeys(_template(route) for route in routes):
            if template and template[-1] == REST:
                self._open.setdefault(template[0], []).append(template)
            else:
                self._exact.setdefault((len(template), template[0] if template else ""), []).append(template)
        self._queries = {name.lower(): name for name in queries}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = self.normal(scope["path"])
            query = scope["query_string"]
            scope = {
                **scope,
                "path": path,
                "raw_path": quote(path).encode(),
                "query_string": self._query(query) if query else query,
            }
        await self._app(scope, receive, send)

    def normal(self, path: str) -> str:
        """Give the path that a route has."""
        segments = [segment for segment in path.split("/") if segment]
        if segments and segments[0].lower() == "v1":
            segments = segments[1:]
        first = segments[0].lower() if segments else ""
        for template in self._exact.get((len(segments), first), ()):
            if all(fixed is None or fixed == given.lower() for fixed, given in zip(template, segments, strict=True)):
                return "/" + "/".join(
                    given if fixed is None else fixed for fixed, given in zip(template, segments, strict=True)
                )
        for template in self._open.get(first, ()):
            fixed_part = template[:-1]
            head = segments[: len(fixed_part)]
            if len(segments) > len(fixed_part) and all(
                fixed == given.lower() for fixed, given in zip(fixed_part, head, strict=True)
            ):
                return "/" + "/".join((*(fixed or "" for fixed in fixed_part), *segments[len(fixed_part) :]))
        return "/" + "/".join(segments)

    def _query(self, query: bytes) -> bytes:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        return urlencode([(self._queries.get(name.lower(), name.lower()), value) for name, value in pairs]).encode()


def _template(route: str) -> Template:
    parts = [part for part in route.split("/") if part]
    return tuple(REST if part.endswith(":path}") else None if part.startswith("{") else part for part in parts)
