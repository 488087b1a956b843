"""`/agent/v1`: where the agents of sites come to, each with its site's own token. No person calls these."""

from __future__ import annotations

from typing import Annotated, cast

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from ondol.agent.wire import MEDIA_TYPE, pack
from ondol.control.remote_sites import RemoteSites
from ondol.model.errors import ForbiddenError
from ondol.model.ids import SiteId
from ondol.server.api.request import body_of, token_of
from ondol.server.errors import NotOfferedError, UnauthenticatedError

router = APIRouter(prefix="/agent/v1", tags=["agents"], include_in_schema=False)


async def remote_of(request: Request) -> RemoteSites:
    """Where sites with an agent of their own are served."""
    remote = request.app.state.remote
    if remote is None:
        raise NotOfferedError("Agents of sites are")
    return cast("RemoteSites", remote)


Remote = Annotated[RemoteSites, Depends(remote_of)]


def own_site(key: str, request: Request, remote: Remote) -> SiteId:
    """The site of the path, where the token is that site's.

    Raises
    ------
    UnauthenticatedError : no token
    ForbiddenError : another site's token, an account's, an old one, or a site that is not there: who asks without the
        right is not told which
    """
    token = token_of(request.headers.get("Authorization"))
    if not token:
        raise UnauthenticatedError("Send the site's token, which 'ondol site token' makes, in the header Authorization")
    if remote.site_of(token) != key:
        raise ForbiddenError(
            f"This token is not that of site {key[:63]}: 'ondol site token' on the platform's machine makes a new one"
        )
    return SiteId(key)


OwnSite = Annotated[SiteId, Depends(own_site)]


@router.get("/sites/{key}/setup")
def setup(site_id: OwnSite, remote: Remote) -> Response:
    """The site's part of the fleet, and what time it is."""
    return Response(msgspec.json.encode(remote.setup(site_id)), media_type="application/json")


@router.post("/sites/{key}/exchange")
async def exchange(site_id: OwnSite, remote: Remote, request: Request) -> Response:
    """Take how the site stands and what waited there; answer with what it is to know."""
    body = await body_of(request)
    down = await run_in_threadpool(remote.exchange, site_id, body)
    return Response(pack(down), media_type=MEDIA_TYPE)
