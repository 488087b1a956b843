"""Given an answer that creates, when it cannot be sent, then it counts as lost: the client will ask again."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from starlette.types import Message, Receive, Scope, Send

from ondol.server.once.book import AnswerBook, Record
from ondol.server.once.watch import SCOPE_KEY, AnswerWatch


class Fates:
    """What became of each answer."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def now_s(self) -> float:
        return 0.0

    def lost(self, _: Record) -> None:
        self.said.append("lost")

    def heard(self, _: Record) -> None:
        self.said.append("heard")


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    scope[SCOPE_KEY].follow(cast("Record", object()))
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def asked(fates: Fates, *, breaks: bool) -> None:
    begun = asyncio.Event()

    async def receive() -> Message:
        if begun.is_set():
            await asyncio.Event().wait()
        begun.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if breaks and message["type"] == "http.response.body":
            raise OSError("the connection broke")

    watch = AnswerWatch(answer, cast("AnswerBook", fates))
    await watch({"type": "http", "method": "POST", "path": "/tasks"}, receive, send)


def test_an_answer_that_was_sent_is_heard() -> None:
    fates = Fates()
    asyncio.run(asked(fates, breaks=False))
    assert fates.said == ["heard"]


def test_an_answer_whose_sending_failed_is_lost() -> None:
    fates = Fates()
    with pytest.raises(OSError, match="broke"):
        asyncio.run(asked(fates, breaks=True))
    assert fates.said == ["lost"]
