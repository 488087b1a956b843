"""`ondol signal`: where heat is wanted, neutral or wasted, now and for two days; how often that came true."""

from __future__ import annotations

import datetime as dt
import itertools
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.glyphs import glyphs_for
from ondol.cli.listing import Column, note, print_json, print_pairs, print_rows, print_text, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import UNKNOWN, clock, power

_WORDS = {"heat_wanted": "heat wanted", "neutral": "neutral", "heat_wasted": "heat wasted"}
_UNICODE = {"heat_wanted": "▁▂▃▄▅▆▇█", "neutral": "·", "heat_wasted": "▼"}
_ASCII = {"heat_wanted": "W", "neutral": ".", "heat_wasted": "x"}

app = App(name="signal", help="Where heat is wanted or wasted, now and for two days.")


@app.default
def signal(
    region: str | None = None,
    *,
    site: Annotated[str | None, Parameter(name="--site")] = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show where more work would replace a backup heater, and where its heat would be lost.

    Parameters
    ----------
    region:
        A region or country; all areas, as they are now, where left out.
    site:
        One site that you host, in place of a region.
    """
    with open_api(where) as api:
        if region is None and site is None:
            found = api.get("/signal/v1")
        else:
            path = f"/signal/v1/sites/{site}" if site is not None else f"/signal/v1/{region}"
            found = api.get(path, step="60")
    if out.json:
        print_json(found)
    elif "steps" in found:
        _print_area(found)
    else:
        _print_areas(found, out)


@app.command
def quality(
    region: str | None = None,
    *,
    site: Annotated[str | None, Parameter(name="--site")] = None,
    rows: Annotated[bool, Parameter(name="--reliability", negative="")] = False,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show how often the signal came true, by how long before it was told.

    Parameters
    ----------
    region:
        A region or country; all areas where left out.
    site:
        One site that you host, in place of a region.
    rows:
        What was said and what came, by tenths of the confidence.
    """
    with open_api(where) as api:
        if site is not None:
            found = api.get(f"/signal/v1/sites/{site}/quality")
        else:
            found = api.get("/signal/v1/quality", region=region)
    if out.json:
        print_json(found)
        return
    print_quality(found.get("areas", [found]), out, reliability=rows)


def print_quality(places: Sequence[Mapping[str, Any]], out: Out, *, reliability: bool) -> None:
    """Print the score of places, by lead time."""
    lines = [{"place": place["place"], **lead} for place in places for lead in place["leads"]]
    if reliability:
        lines = [{**line, **row, "whole": line["compared"]} for line in lines for row in line["reliability"]]
        columns: tuple[Column, ...] = (
            Column("AREA", lambda row: row["place"]),
            Column("AHEAD", lambda row: _ahead(row["lead_h"])),
            Column("SAID", lambda row: _percent(row["said"]), right=True),
            Column("CAME", lambda row: _percent(row["came"]), right=True),
            Column("HOURS", lambda row: row["compared"], right=True),
        )
    else:
        columns = (
            Column("AREA", lambda row: row["place"]),
            Column("AHEAD", lambda row: _ahead(row["lead_h"])),
            Column("HOURS", lambda row: row["compared"], right=True),
            Column("CAME", lambda row: _percent(row["hit_rate"]), right=True),
            Column("IF IT STAYED", lambda row: _percent(row["hit_rate_if_it_stayed"]), right=True),
            Column("BRIER", lambda row: _score(row["brier"]), right=True),
            Column("UNCORRECTED", lambda row: _score(row["brier_uncorrected"]), right=True),
            Column("OFF BY", lambda row: _percent(row["said_off_by"]), right=True),
        )
    print_rows(lines, columns, out=out, empty="No area is published, or no foretold hour has come yet.", key="place")
    note("Brier: mean of (said − came)², 0 is best.", out)
    note("Off by: |said − came|, mean over tenths of what was said.", out)


def _ahead(lead: Mapping[str, int]) -> str:
    return f"{lead['from']}-{lead['below'] - 1} h"


def _score(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def _print_areas(found: Mapping[str, Any], out: Out) -> None:
    columns = (
        Column("AREA", lambda row: row["area"]),
        Column("SITES", lambda row: row["sites"], right=True),
        Column("NOW", lambda row: _WORDS[row["state"]]),
        Column("SURE", lambda row: _percent(row["confidence"]), right=True),
        Column("WANTED", lambda row: power(row["now"]["wanted_w"]["central"]), right=True),
        Column("WASTED", lambda row: power(row["now"]["wasted_w"]["central"]), right=True),
        Column("OWN WORK", lambda row: power(row["now"]["work_w"]), right=True),
        Column("GRID", lambda row: _grid(row["now"]), right=True),
    )
    print_rows(found["areas"], columns, out=out, empty="No area is published.", key="area")
    for region, place in found["merged"].items():
        say(f"{region} is published within {place}: it has too few sites by itself", out)
    for one in found["withheld"]:
        say(f"{one['region']} is withheld: {one['reason']}", out)


def _print_area(found: Mapping[str, Any]) -> None:
    now = found["steps"][0]
    wanted = now["wanted_w"]
    print_pairs(
        [
            ("area", found["area"] + (f" ({found['sites']} sites)" if found["sites"] > 1 else "")),
            ("now", f"{_WORDS[found['state']]}, {_percent(found['confidence'])} sure"),
            ("foreseen", _foreseen(found["steps"])),
            ("wanted", f"{power(wanted['central'])} ({power(wanted['low'])} to {power(wanted['high'])})"),
            ("wasted", power(now["wasted_w"]["central"])),
            ("own work", power(now["work_w"])),
            ("grid", _grid(now)),
            ("made", f"{clock(found['issued_at'])} UTC"),
        ]
    )
    print_text("")
    for line in strip(found["steps"], unicode=glyphs_for(sys.stdout.encoding).unicode):
        print_text(line)


def strip(steps: Sequence[Mapping[str, Any]], *, unicode: bool) -> list[str]:
    """Draw steps as a line of signs, one an hour, with the hours below and what the signs mean; 60 columns at most.

    Parameters
    ----------
    unicode : whether the terminal has more signs than ASCII's
    """
    most_w = max((one["wanted_w"]["central"] for one in steps), default=0.0) or 1.0
    signs = "".join(_sign(one, most_w, unicode=unicode) for one in steps)
    hours = [dt.datetime.fromisoformat(one["start"]) for one in steps]
    scale = [" "] * (len(steps) + 6)
    for place, when in enumerate(hours):
        if when.hour % 6 == 0 and when.minute == 0:
            scale[place : place + 5] = f"{when:%H}h  " if when.hour else f"{when:%d/%m}"
    meaning = (
        "▁ to █ heat wanted, · neutral, ▼ heat wasted; one sign an hour, UTC"
        if unicode
        else "W heat wanted, . neutral, x heat wasted; one sign an hour, UTC"
    )
    return [signs, "".join(scale).rstrip(), meaning]


def _sign(step: Mapping[str, Any], most_w: float, *, unicode: bool) -> str:
    signs = (_UNICODE if unicode else _ASCII)[step["state"]]
    share = min(max(step["wanted_w"]["central"] / most_w, 0.0), 1.0)
    return signs[min(int(share * len(signs)), len(signs) - 1)]


def _foreseen(steps: Sequence[Mapping[str, Any]]) -> str:
    """How long the state of now will last, and how sure the least sure of its hours is: less so than now."""
    same = list(itertools.takewhile(lambda one: one["state"] == steps[0]["state"], steps))
    sure = [one["confidence"] for one in same if one["confidence"] is not None]
    told = f"until {clock(same[-1]['end'])[:16]} UTC"
    return f"{told}, at least {_percent(min(sure))} sure in each hour" if sure else told


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share:.0%}"


def _grid(step: Mapping[str, Any]) -> str:
    grams = step["grid_g_per_kwh"]
    return UNKNOWN if grams is None else f"{grams:.0f} g/kWh"
