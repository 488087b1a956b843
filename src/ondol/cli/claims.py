"""`ondol claims`: whose useful heat is; each kilowatt-hour once."""

from __future__ import annotations

import math
import secrets
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import WIDTH, Column, field, print_json, print_paragraph, print_rows, print_text, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import clock, energy, grams
from ondol.model.errors import InvalidFieldError

app = App(name="claims", help="Claims of useful heat and of what it avoids: each kilowatt-hour once.")
_PATH = "/ledger/v1/claims"
From = Annotated[str | None, Parameter(name="--from")]


@app.command(name="list")
def list_(
    site: str | None = None,
    /,
    *,
    from_: From = None,
    to: str | None = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """List claims, withdrawn ones too; of a period also what of its heat is free.

    Parameters
    ----------
    site:
        Only of this site.
    from_:
        Begin of a period, a whole quarter of an hour, ISO 8601, platform time.
    to:
        Its end.
    """
    if (from_ is None) != (to is None) or (from_ is not None and site is None):
        raise InvalidFieldError("--from", from_ or to, "given with a site and --to: a period of a site")
    with open_api(where) as api:
        found = api.get(_PATH, site=site, **{"from": from_, "to": to})
    if out.json:
        print_json(found)
        return
    columns = (
        Column("SITE, PERIOD (UTC)", _of, lines=True, folds=False),
        Column("kWh OF IT", _kwh_of_it, right=True, lines=True, folds=False),
        field("SHARE", "share", lambda value: f"{value:g}", right=True, folds=False),
        Column("HOLDER, CLAIM", lambda row: f"{row['holder']}\n{row['id']}", lines=True),
        Column("AVOIDED", _avoided, right=True, lines=True, folds=False),
    )
    print_rows(found["data"], columns, out=out, empty="Nothing is claimed.", key="id", width=WIDTH)
    if "period" in found and not out.quiet:
        _print_period(found["period"])


@app.command
def add(
    site: str,
    /,
    *,
    from_: Annotated[str, Parameter(name="--from")],
    to: str,
    holder: str,
    holder_email: str = "",
    from_kwh: float = 0.0,
    to_kwh: float | None = None,
    share: float = 1.0,
    contract: str = "",
    key: str = "",
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Claim useful heat of a period. Refused where any of it is claimed already.

    Parameters
    ----------
    site:
        Id of the site.
    from_:
        Begin of the period, a whole quarter of an hour, ISO 8601, platform time.
    to:
        Its end; the ledger must reach to it.
    holder:
        Who may say that it is theirs.
    holder_email:
        Their account here; a host names its own.
    from_kwh:
        First of the kWh, counted from the begin of the period.
    to_kwh:
        Last of them; all that the ledger holds if left out.
    share:
        Of each of these kWh, above 0 up to 1.
    contract:
        In which that was agreed.
    key:
        An id of your own; the same claim sent again under it is the same claim.
    """
    body = {
        "site": site,
        "from": from_,
        "to": to,
        "holder": holder,
        "holder_email": holder_email,
        "from_kwh": float(from_kwh),
        "to_kwh": None if to_kwh is None else float(to_kwh),
        "share": float(share),
        "contract": contract,
        "id": key or f"claim-{secrets.token_hex(8)}",  # so that a call sent again is the same claim
    }
    with open_api(where) as api:
        made = api.create(_PATH, body)
    if out.json:
        print_json(made)
        return
    say(f"{made['id']}: {made['holder']} claims {energy(made['kwh'])} of {made['site_id']}; {_said(made)}", out)


@app.command
def withdraw(claim: str, /, *, reason: str, out: Out = SHOWN, where: Where = HERE) -> None:
    """Give a claim up; its row stays, its heat can be claimed anew.

    Parameters
    ----------
    claim:
        Its id ('ondol claims list').
    reason:
        Why.
    """
    with open_api(where) as api:
        made = api.post(f"{_PATH}/{quote(claim, safe='')}/withdraw", {"reason": reason})
    if out.json:
        print_json(made)
        return
    say(f"{made['id']} withdrawn", out)


@app.command
def clause(claim: str, /, *, out: Out = SHOWN, where: Where = HERE) -> None:
    """Print the clause for a contract.

    Parameters
    ----------
    claim:
        Its id ('ondol claims list').
    """
    with open_api(where) as api:
        path = f"{_PATH}/{quote(claim, safe='')}/clause"
        if out.json:
            print_json(api.get(path, format="json"))
        else:
            print_text(api.text(path).rstrip("\n"))


def _of(row: Any) -> str:
    start, end = clock(row["start"])[:16], clock(row["end"])[:16]
    return f"{row['site_id']}\n{start}\nto {end}"


def _kwh_of_it(row: Any) -> str:
    return f"{_exact(row['from_kwh'])}\nto {_exact(row['to_kwh'])}"


def _exact(kwh: float) -> str:
    """KWh as they are claimed, to the microwatt-hour: what is free and what is taken must not differ by rounding."""
    return f"{kwh:.9f}".rstrip("0").rstrip(".")


def _avoided(row: Any) -> str:
    told = "none" if row["avoided"] is None else grams(row["avoided"]["g"])
    return f"{told}\nwithdrawn" if row["withdrawn"] else told


def _said(made: Any) -> str:
    saved = made["avoided"]
    if saved is None:
        return f"no avoided emissions with it: {made['no_avoided']}"
    return f"avoids {grams(saved['g'])}, compared with {saved['reference']}"


def _print_period(period: dict[str, Any]) -> None:
    print_text("")
    print_paragraph(
        f"Useful heat of the period: {energy(period['useful_kwh'])}, claimed {energy(period['claimed_kwh'])}; "
        + ("nobody changed the register." if period["whole"] else "THE REGISTER WAS CHANGED BY SOMEBODY.")
    )
    for room in period["heat"]:
        if room["share"] < 1.0:
            begin, end = _exact(room["from_kwh"]), _exact(room["to_kwh"])
            print_text(f"  free: {begin} to {end} kWh, {_part(1 - room['share'])}")


def _part(share: float) -> str:
    return "all of it" if share == 1.0 else f"a share of {math.floor(share * 1e9 + 1e-3) / 1e9:.9g}"
