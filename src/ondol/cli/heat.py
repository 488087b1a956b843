"""`ondol heat`: who wants heat, who gets it, and what was felt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import App, Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import Column, field, print_json, print_pairs, print_rows, print_text
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import UNKNOWN, clock, energy, power, temperature
from ondol.model.errors import InvalidFieldError

app = App(name="heat", help="See who wants heat and who gets it; set what you host.")
for _name, _place, _help in (
    ("set", "heat_asking:set_point", "Set a temperature, above the schedule, until a time or the next wish."),
    ("boost", "heat_asking:boost", "Have it warmer for two hours, or until a time."),
    ("preset", "heat_asking:preset", "Choose a preset, until a time or the next wish."),
    ("off", "heat_asking:off", "Turn heat off, until a time or the next wish."),
    ("back", "heat_asking:back", "Go back to the schedule: end whatever was wished."),
    ("schedule", "heat_asking:schedule", "Give a weekly schedule, in slots or as a calendar."),
    ("request", "heat_asking:request", "Ask for heat: a temperature, watts, or so much heat by a time."),
    ("cancel", "heat_asking:cancel", "Cancel a request."),
    ("agree", "heat_asking:agree", "Agree to what a host's request guarantees."),
    ("alarms", "heat_account:alarms", "List what is wrong."),
    ("ack", "heat_account:ack", "Say that you have seen an alarm."),
    ("deliveries", "heat_account:deliveries", "Show what was delivered, day by day."),
    ("statement", "heat_account:statement", "Make a host's monthly statement."),
    ("hygiene", "heat_account:hygiene", "Export a tank's temperature log of a month."),
    ("points", "heat_account:points", "List what is measured and driven, with the latest values."),
    ("hosts", "heat_account:hosts", "Show or name who hosts a site and may set its heat."),
):
    app.command(f"ondol.cli.{_place}", name=_name, help=_help)

Site = Annotated[str | None, Parameter(help="Only this site's.")]
_J_PER_KWH = 3.6e6
_DECISIONS = 10
_LONG_ID = re.compile(r"([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_POWER = (
    field("WANTED", "power.requested.power_w", power, right=True),
    field("ALLOWED", "power.accepted.power_w", power, right=True),
    field("MEASURED", "power.measured.power_w", power, right=True),
)


def _limits(row: Mapping[str, Any]) -> tuple[float, float] | None:
    asked = row.get("requested") or {}
    lower, upper = asked.get("lower_c"), asked.get("upper_c")
    return None if lower is None or upper is None else (float(lower), float(upper))


def _band(row: Mapping[str, Any]) -> str:
    limits = _limits(row)
    return UNKNOWN if limits is None else f"{limits[0]:.1f}–{limits[1]:.1f} °C"


def _comfort(row: Mapping[str, Any]) -> str:
    limits, temp_c = _limits(row), row["measured"].get("temp_c")
    if limits is None or temp_c is None or row["measured"].get("quality") != "good":
        return str(row["measured"].get("quality", "missing"))
    return "below" if temp_c < limits[0] else "above" if temp_c > limits[1] else "in band"


_FELT = (
    field("TEMP.", "measured.temp_c", temperature, right=True),
    field("SET TO", "requested.setpoint_c", temperature, right=True),
    Column("BAND", _band, right=True),
    Column("", _comfort),
)


@app.command
def sites(*, out: Out = SHOWN, where: Where = HERE) -> None:
    """List the sites with the power that is wanted, allowed and measured."""
    with open_api(where) as api:
        rows = api.get("/heat/v1/sites")
    columns = (
        field("SITE", "id"),
        field("NAME", "name"),
        field("UNITS", "units", lambda ids: str(len(ids or ())), right=True),
        field("HEATED", "sinks", lambda ids: str(len(ids or ())), right=True),
        field("PUE", "pue", right=True),
        *_POWER,
    )
    print_rows(rows, columns, out=out, empty="No sites.")


@app.command
def units(*, site: Site = None, out: Out = SHOWN, where: Where = HERE) -> None:
    """List what heats: boilers, heaters and racks, with the reason for their power."""
    with open_api(where) as api:
        rows = api.get("/heat/v1/units", site=site)
    columns = (
        field("UNIT", "id"),
        field("SITE", "site_id"),
        field("KIND", "kind"),
        field("HEATS", "sink_id"),
        *_POWER,
        field("REASON", "reason"),
    )
    print_rows(rows, columns, out=out, empty="No units.")


@app.command
def sinks(*, site: Site = None, out: Out = SHOWN, where: Where = HERE) -> None:
    """List what is heated: rooms, tanks and pools, with what is asked for and what is felt."""
    with open_api(where) as api:
        rows = [row for kind in ("zones", "tanks", "pools") for row in api.get(f"/heat/v1/{kind}", site=site)]
    columns = (field("PLACE", "id"), field("NAME", "name"), field("SITE", "site_id"), field("KIND", "kind"), *_FELT)
    print_rows(rows, columns, out=out, empty="Nothing is heated.")


@app.command
def requests(*, site: Site = None, out: Out = SHOWN, where: Where = HERE) -> None:
    """List what the hosts ask for."""
    with open_api(where) as api:
        rows: list[dict[str, Any]] = []
        while page := api.get("/heat/v1/requests", site=site, after=rows[-1]["id"] if rows else None):
            rows += page
    columns = (
        field("REQUEST", "id"),
        field("SITE", "site_id"),
        field("FOR", "target_id"),
        Column("NOW", _asked_now, right=True),
        field("BAND", "band_k", lambda band_k: f"± {band_k:g} K", right=True),
        field("PRIORITY", "priority", right=True),
        field("STATE", "state"),
        field("GUARANTEE", "guarantee", lambda one: "" if one is None else str(one["state"])),
        field("WHY", "reason"),
    )
    print_rows(rows, columns, out=out, empty="Nobody asks for heat.")


def _asked_now(row: Mapping[str, Any]) -> str:
    if row["kind"] == "energy":
        return energy(row["requested"]["energy_kwh"])
    return (power if row["kind"] == "power" else temperature)(row["value_now"])


@app.command
def now(*, out: Out = SHOWN, where: Where = HERE) -> None:
    """Show the platform at this moment: temperatures, power, and the last decisions with their reasons."""
    with open_api(where) as api:
        seen = api.get("/heat/v1/now")
    if out.json:
        print_json(seen)
        return
    rate = "wall time" if seen["clock_rate"] == 1 else f"{seen['clock_rate']:g} × wall time"
    print_pairs([("platform time", f"{clock(seen['at'])} UTC ({rate})"), ("policy", seen["policy"])])
    print_text("")
    print_rows(seen["sinks"], (field("PLACE", "sink_id"), *_FELT), out=SHOWN, empty="Nothing is heated.")
    print_text("")
    print_rows(seen["units"], (field("UNIT", "unit_id"), *_POWER, field("REASON", "reason")), out=SHOWN)
    print_text("")
    columns = (
        field("TIME (UTC)", "at", lambda at: clock(at)[-8:]),
        field("DECISION", "action"),
        field("ON", "subject", lambda subject: _LONG_ID.sub(r"\1", subject)),
        field("REASON", "reason"),
    )
    print_rows(seen["decisions"][-_DECISIONS:], columns, out=SHOWN, empty="Nothing was decided yet.")


@app.command
def readings(
    *,
    sink: str | None = None,
    unit: str | None = None,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    last: int = 20,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show what was asked for, delivered and felt, window by window.

    Parameters
    ----------
    sink:
        Id of a room, tank or pool.
    unit:
        Id of a unit, in place of a sink.
    from_:
        Windows from this platform time on, ISO 8601; 7 days back if left out, 31 days at most.
    to:
        Windows before this platform time.
    last:
        Only so many of the latest windows, 0 for all.
    """
    if (sink is None) == (unit is None):
        raise InvalidFieldError("--sink", sink or "", "a sink's id, or --unit with a unit's in its place")
    with open_api(where) as api:
        query: dict[str, object] = {"sink": sink, "unit": unit, "from": from_, "to": to}
        first = api.get("/heat/v1/readings", **query, limit=1)
        query["from"], total = first["from"], first["total"]  # all pages are of one span, also over midnight
        offset: int | None = max(0, total - last) if last > 0 else 0
        rows: list[dict[str, Any]] = []
        while offset is not None:
            page = api.get("/heat/v1/readings", **query, offset=offset, limit=1000)
            rows += page["data"]
            offset = page["next_offset"]
    columns = (
        field("FROM (UTC)", "start", clock),
        field("UNIT", "unit_id"),
        *_FELT,
        field("ASKED FOR", "requested.demanded_j", _kwh, right=True),
        field("DELIVERED", "measured.delivered_j", _kwh, right=True),
        field("ELECTRICITY", "measured.electric_j", _kwh, right=True),
        field("DISCOMFORT", "discomfort_kh", lambda value: f"{value or 0:.3f} K·h", right=True),
    )
    print_rows(rows, columns, out=out, empty="No window has passed yet.")


def _kwh(joules: float | None) -> str:
    return UNKNOWN if joules is None else energy(joules / _J_PER_KWH)
