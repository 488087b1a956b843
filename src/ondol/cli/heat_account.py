"""`ondol heat`, what came of it: alarms, deliveries, statements, hygiene logs, points; and who hosts a site."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from cyclopts import Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import Column, field, print_json, print_pairs, print_rows, print_text, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import UNKNOWN, clock, energy, temperature
from ondol.storage.whole_files import write_whole

To = Annotated[Path | None, Parameter(name=("--to", "-t"), help="File to write; standard output where left out.")]
_KEPT = {True: "kept", False: "missed", None: UNKNOWN}


def alarms(
    *,
    site: str | None = None,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """List what is wrong.

    Parameters
    ----------
    site:
        Only this site's.
    every:
        Also what is over.
    """
    with open_api(where) as api:
        rows = api.get("/heat/v1/alarms", site=site, active=None if every else "true")
    columns = (
        field("SINCE (UTC)", "raised_at", clock),
        field("SEVERITY", "severity"),
        field("SITE", "site_id"),
        field("OF", "entity_id"),
        field("WHAT", "text"),
        Column("SEEN BY", lambda row: row["acknowledged_by"] or ""),
        field("OVER (UTC)", "cleared_at", lambda at: clock(at) if at else ""),
        field("ID", "id"),
    )
    print_rows(rows, columns, out=out, empty="Nothing is wrong.", key="id")


def ack(alarm: str, /, *, out: Out = SHOWN, where: Where = HERE) -> None:
    """Say that you have seen an alarm; it lasts until what is wrong is over.

    Parameters
    ----------
    alarm:
        Its id ('ondol heat alarms').
    """
    with open_api(where) as api:
        seen = api.post(f"/heat/v1/alarms/{quote(alarm, safe='')}/ack")
    if out.json:
        print_json(seen)
        return
    say(f"{seen['id']} seen by {seen['acknowledged_by']}", out)


def deliveries(
    site: str,
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show what was delivered, day by day.

    Parameters
    ----------
    site:
        Id of the site.
    from_:
        From this platform time on, ISO 8601; 7 days back if left out, 31 days at most.
    to:
        Before this platform time.
    """
    with open_api(where) as api:
        found = api.get("/heat/v1/deliveries", site=site, **{"from": from_, "to": to})
    columns = (
        Column("DAY", lambda row: row["date"] + ("" if row["whole_day"] else " (part)")),
        field("PLACE", "sink_id"),
        field("ASKED FOR", "requested.demanded_kwh", _kwh, right=True),
        field("DELIVERED", "measured.energy_kwh", _kwh, right=True),
        field("ELECTRICITY", "measured.compute_kwh", _kwh, right=True),
        field("OTHER HEATER", "measured.backup_kwh", _kwh, right=True),
        field("SHORT", "shortfall_kwh", _kwh, right=True),
        field(
            "IN BAND", "inside_share", lambda share: UNKNOWN if share is None else f"{100 * share:.1f} %", right=True
        ),
        field("COLDEST", "measured.coldest_c", temperature, right=True),
        field("GUARANTEE", "guarantee_met", _KEPT.__getitem__),
    )
    print_rows(found["data"], columns, out=out, empty="Nothing was delivered yet.")


def statement(
    site: str,
    month: str,
    /,
    *,
    sheet: Annotated[Literal["html", "csv", "json"] | None, Parameter(name="--as")] = None,
    to: To = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Make a host's monthly statement.

    Parameters
    ----------
    site:
        Id of the site.
    month:
        Local month, e.g. 2026-01.
    sheet:
        html for a page, csv for a line a day, json; without it the month in some lines.
    """
    path = f"/heat/v1/sites/{quote(site, safe='')}/statement"
    with open_api(where) as api:
        if sheet in ("html", "csv"):
            _write(api.text(path, month=month, format=sheet), to, out)
            return
        made = api.get(path, month=month)
    if sheet == "json" or out.json:
        print_json(made)
        return
    print_pairs(_month(made))


def _month(made: Mapping[str, Any]) -> list[tuple[str, object]]:
    promised = made["kept_days"] + made["missed_days"] + made["unknown_days"]
    share, refund = made["inside_share"], made["refund_eur"]
    seen = f"{100 * made['observed_share']:.1f} % of its time measured"
    kept = f"kept on {made['kept_days']} of {promised} days, missed on {made['missed_days']}"
    return [
        ("site", made["site_name"]),
        ("month", f"{made['month']}{', not whole' if made['partial'] else ''}; {seen}"),
        ("heat delivered", energy(made["heat_kwh"])),
        ("as warm as asked", UNKNOWN if share is None else f"{100 * share:.1f} % of the time"),
        ("outside of band", f"{made['discomfort_kh']:.2f} K·h"),
        ("other heaters", _kwh(made["backup_kwh"])),
        ("electricity to refund", energy(made["electricity_kwh"]) + ("" if refund is None else f", {refund:.2f} €")),
        ("guarantee", kept if promised else "none"),
    ]


def hygiene(
    tank: str,
    month: str,
    /,
    *,
    sheet: Annotated[Literal["csv", "json"], Parameter(name="--as")] = "csv",
    to: To = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Export a tank's temperature log of a month.

    Parameters
    ----------
    tank:
        Id of the tank.
    month:
        Local month, e.g. 2026-01.
    sheet:
        csv, or json.
    """
    path = f"/heat/v1/tanks/{quote(tank, safe='')}/hygiene"
    with open_api(where) as api:
        if out.json or sheet == "json":
            print_json(api.get(path, month=month))
            return
        _write(api.text(path, month=month, format="csv"), to, out)


def points(*, site: str | None = None, out: Out = SHOWN, where: Where = HERE) -> None:
    """List what is measured and driven, with the latest value of each.

    Parameters
    ----------
    site:
        Only this site's.
    """
    with open_api(where) as api:
        rows = api.get("/heat/v1/points", site=site)
    columns = (
        field("POINT", "id"),
        field("SITE", "site_id"),
        field("BY", "driver"),
        Column("LATEST", lambda row: f"{row['latest']['value']:g} {row['unit']}" if row["latest"] else "", right=True),
        field("QUALITY", "latest.quality"),
        field("AT", "latest.at"),
    )
    print_rows(rows, columns, out=out, empty="No points are bound.", key="id")


def hosts(
    site: str,
    emails: tuple[str, ...] = (),
    /,
    *,
    tariff: float | None = None,
    nobody: Annotated[bool, Parameter(negative="")] = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show who hosts a site and may set its heat; the operator names them.

    Parameters
    ----------
    site:
        Id of the site.
    emails:
        Accounts that are its hosts from now on, in place of those before.
    tariff:
        €/kWh at which its electricity is refunded.
    nobody:
        Take all hosts away: every account sees the site again.
    """
    path = f"/heat/v1/sites/{quote(site, safe='')}/terms"
    with open_api(where) as api:
        terms = api.get(path)
        if emails or nobody or tariff is not None:
            wanted = {
                "hosts": list(emails) if emails or nobody else terms["hosts"],
                "electricity_eur_per_kwh": terms["electricity_eur_per_kwh"] if tariff is None else tariff,
            }
            terms = api.put(path, wanted)
    if out.json:
        print_json(terms)
        return
    rate = terms["electricity_eur_per_kwh"]
    names = ", ".join(terms["hosts"]) or "none: all accounts see it, the operator sets it"
    print_pairs([("site", site), ("hosts", names), ("tariff", "none" if rate is None else f"{rate:g} €/kWh")])


def _write(text: str, to: Path | None, out: Out) -> None:
    if to is None:
        sys.stdout.write(text)
        return
    write_whole(to, text.encode())
    say(f"{to} written", out)
    if out.quiet:
        print_text(str(to))


def _kwh(value: float | None) -> str:
    return UNKNOWN if value is None else energy(value)
