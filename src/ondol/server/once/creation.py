"""What a route that creates something asks before and while it does: `Once` (ADR 7)."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import re
from collections.abc import Callable
from typing import Annotated, Any, Protocol, cast

import msgspec
from fastapi import Depends, Header, Request, Response

from ondol.control.ports import REPLY_LIFE, Desk
from ondol.model.account import Account
from ondol.model.errors import InvalidFieldError, NotFoundError, OndolError
from ondol.server.api.request import Caller, DeskIn, raw_body
from ondol.server.errors import KeyReusedError, status_of
from ondol.server.once.book import AnswerBook, Record
from ondol.server.once.journal import Intent
from ondol.server.once.watch import SCOPE_KEY, Delivery
from ondol.storage.ports import Reply

_log = logging.getLogger(__name__)
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Commit(Protocol):
    """Store what was created, and give the answer that says so."""

    def __call__(
        self, answer: Any, write: Callable[[Reply | None], None], *, made: tuple[str, ...], status: int = 200
    ) -> Response:
        """Raises what `write` raises; then nothing was stored, and it may be called again with less.

        Parameters
        ----------
        answer : JSON value of the answer
        write : stores it, together with the Reply where there is one
        made : ids of what is created
        """
        ...


class Once:
    """One request that creates something.

    Parameters
    ----------
    key : its `Idempotency-Key`, "" where it has none
    fingerprint : SHA-256 of path and body
    """

    def __init__(
        self,
        desk: Desk,
        account: Account,
        *,
        path: str,
        key: str,
        fingerprint: str,
        book: AnswerBook,
        delivery: Delivery,
    ) -> None:
        self._desk, self._account, self._path = desk, account, path
        self._key, self._fingerprint = key, fingerprint
        self._book, self._delivery = book, delivery

    def run(self, create: Callable[[Commit], Response]) -> Response:
        """Give the answer that was given before, or that of `create`.

        Raises KeyReusedError for a key that came with another request, ConflictError and UnavailableError where a like
        request is still being worked on.
        """
        return self._run_keyed(create) if self._key else self._run_unkeyed(create)

    def _run_keyed(self, create: Callable[[Commit], Response]) -> Response:
        with self._book.alone(self._account.id, self._key, self._fingerprint):
            now = dt.datetime.now(dt.UTC)
            given = self._desk.reply(self._account.id, self._key)
            if given is not None and now - given.created_at < REPLY_LIFE:
                if given.fingerprint != self._fingerprint:
                    raise KeyReusedError(
                        f"Idempotency-Key {self._key[:80]} came with another request before: a new one needs a new key"
                    )
                return _response(given.body, given.status, self._location(given.body), replayed=True)

            def commit(
                answer: Any, write: Callable[[Reply | None], None], *, made: tuple[str, ...], status: int = 200
            ) -> Response:
                body = msgspec.json.encode(answer)
                reply = Reply(
                    account_id=self._account.id,
                    key=self._key,
                    fingerprint=self._fingerprint,
                    status=status,
                    body=body,
                    created_at=now,
                )
                write(reply if made else None)
                return _response(body, status, self._location(body))

            return create(commit)

    def _run_unkeyed(self, create: Callable[[Commit], Response]) -> Response:
        record = self._book.claim_or_begin(
            self._account.id, self._fingerprint, gone_since_s=self._delivery.arrived_s if self._delivery.gone else None
        )
        if record.claimed:
            self._book.wait(record)
            self._delivery.follow(record)  # from here on its answer is this one's
            if record.intent is not None and self._stored(record.intent):
                _log.info("%s of %s was asked for again: its answer was lost", self._path, self._account.email)
                intent = record.intent
                return _response(intent.body, intent.status, intent.location, replayed=True)
            self._book.heard(record)  # it came to nothing: this is the first that does
            record = self._book.begin(self._account.id, self._fingerprint)
        self._delivery.follow(record)
        try:
            return create(self._noted(record))
        finally:
            self._book.end(record)

    def _noted(self, record: Record) -> Commit:
        def commit(
            answer: Any, write: Callable[[Reply | None], None], *, made: tuple[str, ...], status: int = 200
        ) -> Response:
            body = msgspec.json.encode(answer)
            location = self._location(body)
            if made:
                self._book.intend(record, path=self._path, made=made[:1], status=status, body=body, location=location)
            try:
                write(None)
            except OndolError as error:
                if status_of(error) < 500:  # refused: nothing was stored
                    self._book.cancel(record)
                raise
            return _response(body, status, location)

        return commit

    def _location(self, body: bytes) -> str:
        """Address of what an answer `{"uuid"}` speaks of; "" for others."""
        parts = self._path.split("/")
        answer = msgspec.json.decode(body)
        made = {"quotes": "tasks"}.get(parts[1], parts[1]) if len(parts) > 1 else ""  # a quote that is taken is a task
        return f"/v1/{made}/{answer['uuid']}" if isinstance(answer, dict) and len(parts) > 1 else ""

    def _stored(self, intent: Intent) -> bool:
        """Whether what an answer speaks of is there: a kill may have come before the commit."""
        kind, made = intent.path.split("/")[1], intent.made[0]
        try:
            if kind == "pools":
                self._desk.pools.detail(self._account.id, made)
            elif kind == "jobs":
                self._desk.jobs.get(self._account.id, made)
            else:
                self._desk.detail(self._account.id, made)
        except NotFoundError:
            return False
        return True


async def once_of(
    request: Request,
    caller: Caller,
    desk: DeskIn,
    raw: Annotated[bytes, Depends(raw_body)],
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="a text of the client's own: the same request with the same key within 24 h is answered alike",
        ),
    ] = None,
) -> Once:
    """`Once` of a request; raises InvalidFieldError for a key that is none."""
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise InvalidFieldError("Idempotency-Key", idempotency_key[:80], "1 to 255 visible ASCII characters")
    path = request.scope["path"]
    digest = hashlib.sha256(path.encode())
    digest.update(b"\0" + request.scope["query_string"] + b"\0")
    digest.update(raw)
    book = cast("AnswerBook", request.app.state.answers)
    return Once(
        desk,
        caller,
        path=path,
        key=idempotency_key or "",
        fingerprint=digest.hexdigest(),
        book=book,
        delivery=request.scope.get(SCOPE_KEY) or Delivery(book),
    )


OnceIn = Annotated[Once, Depends(once_of)]


def _response(body: bytes, status: int, location: str, *, replayed: bool = False) -> Response:
    headers = {"Location": location} if location else {}
    if replayed:
        headers[REPLAYED] = "true"
    return Response(body, status, headers, media_type="application/json")
