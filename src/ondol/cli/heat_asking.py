"""`ondol heat`, for hosts: set a temperature, choose a preset, give a schedule, ask for heat, turn it off."""

from __future__ import annotations

import datetime as dt
import re
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from cyclopts import Parameter

from ondol.cli.api import Api
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import print_json, print_pairs, print_text
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import UNKNOWN, clock, power, temperature
from ondol.model.errors import InvalidFieldError

_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(min|m|h|d)")
_S = {"m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
Until = Annotated[
    str | None,
    Parameter(help="When it ends: a platform time such as 2026-01-15T22:00, or a length such as 90min, 3h or 2d."),
]


def set_point(sink: str, temp_c: float, /, *, until: Until = None, out: Out = SHOWN, where: Where = HERE) -> None:
    """Set a temperature, above the schedule, until a time or the next wish.

    Parameters
    ----------
    sink:
        Id of the room, tank or pool ('ondol heat sinks').
    temp_c:
        Set-point in °C.
    """
    with open_api(where) as api:
        _show(api.put(f"{_place(sink)}/setpoint", _once({"setpoint_c": temp_c, "until": _end(api, until)})), out)


def boost(sink: str, /, *, until: Until = None, out: Out = SHOWN, where: Where = HERE) -> None:
    """Have it warmer for two hours, or until a time.

    Parameters
    ----------
    sink:
        Id of the room, tank or pool.
    """
    preset(sink, "boost", until=until, out=out, where=where)


def preset(
    sink: str,
    name: Literal["eco", "comfort", "boost", "away"],
    /,
    *,
    until: Until = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Choose a preset, until a time or the next wish.

    Parameters
    ----------
    sink:
        Id of the room, tank or pool.
    name:
        Which one; its temperature stands in the request.
    """
    with open_api(where) as api:
        _show(api.put(f"{_place(sink)}/preset", _once({"preset": name, "until": _end(api, until)})), out)


def off(sink: str, /, *, until: Until = None, out: Out = SHOWN, where: Where = HERE) -> None:
    """Turn heat off, until a time or the next wish; frost protection and hygiene go on.

    Parameters
    ----------
    sink:
        Id of the room, tank or pool.
    """
    with open_api(where) as api:
        _show(api.put(f"{_place(sink)}/off", _once({"until": _end(api, until)})), out)


def back(sink: str, /, *, out: Out = SHOWN, where: Where = HERE) -> None:
    """Go back to the schedule: end whatever was wished.

    Parameters
    ----------
    sink:
        Id of the room, tank or pool.
    """
    with open_api(where) as api:
        api.delete(f"{_place(sink)}/wish")
        _show(api.get(f"{_place(sink)}/wish"), out)


def schedule(
    sink: str,
    slot: tuple[str, ...] = (),
    /,
    *,
    ical: Path | None = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Give a weekly schedule, in place of one that was given before.

    Parameters
    ----------
    sink:
        Id of the room, tank or pool.
    slot:
        What to hold from when on, e.g. mon-fri@06:30=20 sat,sun@08:00=21 all@22:00=17.
    ical:
        A calendar file in place of slots, - for standard input.
    """
    if (ical is None) == (not slot):
        raise InvalidFieldError("--ical", str(ical or ""), "a calendar file, or slots such as mon-fri@06:30=20")
    body: dict[str, Any] = {"slots": [_slot(one) for one in slot]}
    if ical is not None:
        body = {"ical": sys.stdin.read() if str(ical) == "-" else ical.read_text(encoding="utf-8")}
    with open_api(where) as api:
        _show_request(api.put(f"{_place(sink)}/schedule", body, again=False), out)


def request(
    target: str,
    /,
    *,
    setpoint: float | None = None,
    power_w: float | None = None,
    energy_kwh: float | None = None,
    by: str | None = None,
    id: str | None = None,  # noqa: A002  # the word of the API
    priority: int | None = None,
    guaranteed_c: float | None = None,
    guaranteed_kwh: float | None = None,
    firm: bool = False,
    if_missed: Literal["backup", "refund", "tell"] | None = None,
    until: Until = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Ask for heat: a temperature, watts, or so much heat by a time.

    Parameters
    ----------
    target:
        Id of the room, tank or pool.
    setpoint:
        A temperature in °C, all week; 'ondol heat schedule' gives one that changes.
    power_w:
        Watts of the sink's units together.
    energy_kwh:
        Heat that is to come by the time of --by.
    by:
        A platform time such as 2026-01-15T08:00, or a length such as 3h.
    id:
        Of the request; sent again it is the same one.
    priority:
        0 to 100; the highest of a sink counts. Fleet files give 50, this gives 60.
    guaranteed_c:
        Temperature that is promised.
    guaranteed_kwh:
        Heat that is promised for every day.
    firm:
        Also where there is no work for it: then the other heater gives it.
    if_missed:
        What then: another heater, a refund, or an alarm alone.
    """
    given = {"setpoint_c": setpoint, "power_w": power_w, "energy_kwh": energy_kwh}
    asked = [name for name, value in given.items() if value is not None]
    if len(asked) != 1:
        raise InvalidFieldError("--setpoint", " and ".join(asked), "one of --setpoint, --power-w and --energy-kwh")
    kind = {"setpoint_c": "temperature", "power_w": "power", "energy_kwh": "energy"}[asked[0]]
    with open_api(where) as api:
        body: dict[str, Any] = {
            "target": target,
            "kind": kind,
            **given,
            "by": _end(api, by),
            "id": id,
            "priority": priority,
            "guaranteed_c": guaranteed_c,
            "guaranteed_kwh_per_day": guaranteed_kwh,
            "firm": firm or None,
            "if_missed": if_missed,
            "valid_until": _end(api, until),
        }
        _show_request(
            api.create("/heat/v1/requests", {key: value for key, value in body.items() if value is not None}), out
        )


def agree(request_id: str, /, *, decline: bool = False, out: Out = SHOWN, where: Where = HERE) -> None:
    """Agree to what a host's request guarantees; for the operator. Before that it binds nobody.

    Parameters
    ----------
    request_id:
        Its id ('ondol heat requests').
    decline:
        Say no: the request goes on without its guarantee.
    """
    with open_api(where) as api:
        path = f"/heat/v1/requests/{quote(request_id, safe='')}/guarantee"
        _show_request(api.put(path, {"agreed": not decline}), out)


def cancel(request_id: str, /, *, out: Out = SHOWN, where: Where = HERE) -> None:
    """Cancel a request that was made with 'ondol heat request' or 'ondol heat schedule'.

    Parameters
    ----------
    request_id:
        Its id ('ondol heat requests').
    """
    with open_api(where) as api:
        path = f"/heat/v1/requests/{quote(request_id, safe='')}"
        api.delete(path)
        _show_request(api.get(path), out)


def _place(sink: str) -> str:
    return f"/heat/v1/sinks/{quote(sink, safe='')}"


def _once(body: dict[str, Any]) -> dict[str, Any]:
    """Body of a wish that may be sent again where its answer got lost: it stays one wish."""
    return body | {"id": uuid.uuid4().hex}


def _end(api: Api, until: str | None) -> str | None:
    """A moment of platform time; lengths count from the platform's now."""
    found = None if until is None else _SPAN.fullmatch(until.strip())
    if until is None or found is None:
        return until
    now = dt.datetime.fromisoformat(api.get("/heat/v1/now")["at"])
    return (now + dt.timedelta(seconds=float(found[1]) * _S[found[2]])).isoformat()


def _slot(text: str) -> dict[str, Any]:
    days, at, rest = text.rpartition("@")
    begin, equals, value = rest.partition("=")
    try:
        return {"days": days if at else "all", "from": begin, "value": float(value if equals else "")}
    except ValueError as error:
        raise InvalidFieldError("slot", text, "DAYS@HH:MM=VALUE, e.g. mon-fri@06:30=20") from error


def _show(seen: Mapping[str, Any], out: Out) -> None:
    """What was requested, what is accepted and what is measured, apart."""
    if out.json:
        print_json(seen)
        return
    if out.quiet:
        print_text(str(seen["sink_id"]))
        return
    wished, accepted, measured = seen["requested"], seen["accepted"], seen["measured"]
    requested = "nothing beside the schedule"
    if wished is not None:
        what = temperature(wished["setpoint_c"]) if wished["kind"] == "setpoint" else wished["preset"] or wished["kind"]
        requested = f"{what} until {clock(wished['until']) + ' UTC' if wished['until'] else 'the next wish'}"
    counts = power(accepted["power_w"]) if accepted["kind"] == "power" else temperature(accepted["setpoint_c"])
    if accepted["kind"] is None:
        counts = "off: frost protection only"
    if accepted["kind"] == "energy":
        counts = f"the energy of request {accepted['request_id']}"
    pairs = [("place", seen["sink_id"]), ("requested", requested), ("accepted", counts)]
    print_pairs([*pairs, ("measured", temperature(measured["temp_c"]) if measured["temp_c"] is not None else UNKNOWN)])


def _show_request(made: Mapping[str, Any], out: Out) -> None:
    if out.json:
        print_json(made)
        return
    if out.quiet:
        print_text(str(made["id"]))
        return
    print_pairs(
        [
            ("request", made["id"]),
            ("for", made["target_id"]),
            ("kind", made["kind"]),
            ("priority", made["priority"]),
            ("state", made["state"]),
            ("why", made["reason"]),
            ("counts now", "yes" if made["counts"] else "no"),
            ("guarantee", made["guarantee"]["state"] if made["guarantee"] else "none"),
        ]
    )
