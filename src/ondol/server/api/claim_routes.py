"""`/ledger/v1/claims`: whose useful heat is, each kilowatt-hour once. For operator, hosts and holders."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import Field

from ondol.control.asked_claims import AskedClaim
from ondol.control.ports import Desk
from ondol.model.claim import Claim, ClaimRow, Withdrawal
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import SiteId
from ondol.report.claim_clause import claim_clause
from ondol.server.api.heat_in import HeatBody, read_heat
from ondol.server.api.plain import plain
from ondol.server.api.request import Caller, DeskIn, JsonBody, body_docs
from ondol.server.api.times import read_time

router = APIRouter(prefix="/ledger/v1", tags=["ledger"])
From = Annotated[str, Query(alias="from", description="begin of a period, a whole quarter of an hour, ISO 8601")]
To = Annotated[str, Query(description="its end, a whole quarter of an hour; 366 days after from at most")]


class ClaimIn(HeatBody):
    """A claim; `id` makes the same request sent again the same claim."""

    site: str
    from_: str = Field(alias="from")
    to: str
    holder: str
    holder_email: str = ""
    from_kwh: float = 0.0
    to_kwh: float | None = None
    share: float = 1.0
    contract: str = ""
    id: str = ""


class WithdrawalIn(HeatBody):
    """Why a claim is given up."""

    reason: str


@router.get("/claims", summary="Claims of useful heat")
def claims(caller: Caller, desk: DeskIn, site: str = "", from_: From = "", to: To = "") -> JSONResponse:
    """The operator sees all, a host those of its sites, everybody the claims that they hold; withdrawn ones too.

    With `site`, `from` and `to` also what of that period's useful heat is claimed and what is free, for the operator
    and the site's hosts; `whole` tells that nobody changed the register.
    """
    site_id = _site(desk, site) if site else None
    rows = desk.claims.claims(caller, site_id)
    answer: dict[str, Any] = {"data": _shown(rows)}
    if from_ or to:
        if site_id is None:
            raise InvalidFieldError("site", site, "given together with from and to")
        found = desk.claims.register(caller, site_id, _time("from", from_), _time("to", to))
        answer["period"] = {
            "from": from_,
            "to": to,
            "useful_kwh": found.useful_kwh,
            "claimed_kwh": found.claimed_kwh,
            "whole": found.whole,
            "heat": plain(found.rooms),
        }
    return JSONResponse(answer)


@router.post("/claims", summary="Claim useful heat", status_code=201, openapi_extra=body_docs(ClaimIn))
def claim(caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """KWh of a period of a site, counted from its begin, and a share of them; 409 where some of them are claimed.

    Periods of any length may overlap: a kilowatt-hour is known by the time in which it was delivered. Without `to_kwh`
    all that the ledger holds. A host claims for itself, with `holder_email` its own; the operator for anybody.
    """
    asked = read_heat(ClaimIn, body)
    made = desk.claims.add(
        caller,
        AskedClaim(
            site_id=_site(desk, asked.site),
            start=_time("from", asked.from_),
            end=_time("to", asked.to),
            holder=asked.holder,
            holder_email=asked.holder_email,
            from_kwh=asked.from_kwh,
            to_kwh=asked.to_kwh,
            share=asked.share,
            contract=asked.contract,
            id=asked.id,
        ),
    )
    return JSONResponse(_claim(made, None), status_code=201)


@router.get("/claims/{claim_id}", summary="A claim")
def one(claim_id: str, caller: Caller, desk: DeskIn) -> JSONResponse:
    """Also one that was withdrawn."""
    return JSONResponse(_claim(*desk.claims.claim(caller, claim_id)))


@router.post("/claims/{claim_id}/withdraw", summary="Give a claim up", openapi_extra=body_docs(WithdrawalIn))
def withdraw(claim_id: str, caller: Caller, desk: DeskIn, body: JsonBody) -> JSONResponse:
    """By a second row: the first one stays. Its kWh can be claimed anew. For who made it and the operator."""
    desk.claims.withdraw(caller, claim_id, read_heat(WithdrawalIn, body).reason)
    return JSONResponse(_claim(*desk.claims.claim(caller, claim_id)))


@router.get("/claims/{claim_id}/clause", summary="Clause for a contract", response_class=PlainTextResponse)
def clause(
    claim_id: str,
    caller: Caller,
    desk: DeskIn,
    format_: Annotated[str, Query(alias="format", description="text or json")] = "text",
) -> Response:
    """Plain text, in English; as JSON with the claim that it is of and the seal of its row."""
    if format_ not in ("text", "json"):
        raise InvalidFieldError("format", format_, "text or json")
    made, withdrawal = desk.claims.claim(caller, claim_id)
    names = {site.id: site.name for site in desk.fleet().sites}
    seal = next(
        (row.hash for row in desk.claims.claims(caller, made.site_id) if row.claim and row.claim.id == made.id), ""
    )
    text = claim_clause(made, names.get(made.site_id, made.site_id), withdrawal=withdrawal, seal=seal)
    if format_ == "json":
        return JSONResponse({"text": text, "seal": seal or None, "claim": _claim(made, withdrawal)})
    return PlainTextResponse(text)


def _shown(rows: tuple[ClaimRow, ...]) -> list[dict[str, Any]]:
    gone = {row.withdrawal.claim_id: row.withdrawal for row in rows if row.withdrawal is not None}
    return [_claim(row.claim, gone.get(row.claim.id)) | {"hash": row.hash} for row in rows if row.claim is not None]


def _claim(made: Claim, withdrawal: Withdrawal | None) -> dict[str, Any]:
    shown: dict[str, Any] = plain(made)
    return shown | {"kwh": made.kwh, "withdrawn": None if withdrawal is None else plain(withdrawal)}


def _site(desk: Desk, key: str) -> SiteId:
    if all(site.id != key for site in desk.fleet().sites):
        raise NotFoundError("site", key)
    return SiteId(key)


def _time(field: str, text: str) -> dt.datetime:
    return read_time(field, text)
