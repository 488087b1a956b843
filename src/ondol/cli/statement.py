"""`ondol statement`: the whole account of an instance, task, job, pool, user, project, site, host or the fleet."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from cyclopts import Parameter

from ondol.cli.api import Api
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.kinds import JOBS, POOLS, TASKS, find_id
from ondol.cli.listing import print_json, print_pairs, print_text, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import clock
from ondol.model.errors import InvalidFieldError

Kind = Literal["instance", "task", "job", "pool", "user", "project", "site", "host", "fleet"]
_FINDS = {"task": TASKS, "job": JOBS, "pool": POOLS}
_WHOLE = ("user", "host", "fleet")
_FEW = 12


def statement(
    kind: Kind,
    id_: Annotated[str, Parameter(name="id")] = "",
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    csv: Annotated[bool, Parameter(name="--csv", negative="")] = False,
    html: Path | None = None,
    pdf: Path | None = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Make a statement: energy, carbon without credit for heat, heat, views, comparisons, and how sure all that is.

    Parameters
    ----------
    kind:
        What it is about.
    id_:
        Which one: id or name of a task, job or pool; of an instance the task's with .NUMBER; e-mail of a user or host,
        yourself if left out; id of a site or project; nothing for the fleet.
    from_:
        From this platform time on, ISO 8601, e.g. 2022-01-26T04:30Z. If left out: all of an instance, task, job or
        pool, the last 7 days of anything else.
    to:
        Before this platform time.
    csv:
        Print CSV, a line for each figure.
    html:
        Write a page with drawings to this file.
    pdf:
        Write a PDF to this file.
    """
    if not id_ and kind not in _WHOLE:
        raise InvalidFieldError("id", id_, f"which {kind} it is about")
    with open_api(where) as api:
        key = _key(api, kind, id_)
        path = f"/ledger/v1/statements/{kind}" + (f"/{quote(key, safe='')}" if key else "")
        span = {"from": from_, "to": to}
        for target, form in ((html, "html"), (pdf, "pdf")):
            if target is not None:
                _write(target, api.data(path, format=form, **span))
                say(f"{target} written", out)
        if csv:
            sys.stdout.write(api.data(path, format="csv", **span).decode())
            return
        if (html is not None or pdf is not None) and not out.json:
            return
        made = api.get(path, **span)
    if out.json:
        print_json(made)
    else:
        _print(made)


def _key(api: Api, kind: Kind, id_: str) -> str:
    """What the API finds a subject by."""
    if kind == "instance":
        task, dot, number = id_.rpartition(".")
        return f"{_key(api, 'task', task)}{dot}{number}" if task else id_
    return find_id(api, _FINDS[kind], id_) if kind in _FINDS and len(id_) != 36 else id_


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _print(made: Mapping[str, Any]) -> None:
    from ondol.accounting.account.said import VIRTUAL
    from ondol.report.statement_words import KIND_TITLES, amount

    subject, window = made["subject"], made["window"]
    print_text(f"{KIND_TITLES[subject['kind']]}: {subject['name']}")
    print_text(f"{clock(window['start'])} to {clock(window['end'])} UTC, platform time\n")
    for section, figures in made["figures"].items():
        print_text(section.upper())
        print_pairs([(one["label"], _figure(one)) for one in figures.values()])
        print_text("")
    print_text("VIEWS (each shares out the whole inventory)")
    print_pairs([(name, _view(view)) for name, view in made["views"].items()])
    print_text("\nAPART: AVOIDED EMISSIONS (never in the inventory)")
    boxes = made["avoided"]["sites"]
    print_pairs([(box["site_name"], _box(box)) for box in boxes[:_FEW]])
    print_text("\nPARTS")
    print_pairs(
        [
            (part["name"], f"{amount(part['total_kwh'], 'kWh')}, {amount(part['total_g'], 'gCO2e')}")
            for part in made["parts"][:_FEW]
        ]
    )
    if len(made["parts"]) > _FEW:
        print_text(f"  and {len(made['parts']) - _FEW} more: --json or --csv")
    print_text(f"\nSum of the parts against the whole: {made['adds_up']['residual']:.1e} relative (1e-09 is allowed).")
    print_text(made["uncertainty"]["driver"])
    said = [*made["findings"], *made["missing"]]
    for line in said[:_FEW]:
        print_text(f"  {line}")
    if len(said) > _FEW:
        print_text(f"  and {len(said) - _FEW} more: --json")
    for note in made["notes"]:
        if note == VIRTUAL:
            print_text(note)


def _figure(one: Mapping[str, Any]) -> str:
    from ondol.report.statement_words import amount, band

    if one["value"] is None:
        return f"not known: {one['missing']}"
    span = band(one["low"], one["high"], one["unit"])
    tier = f" [{one['tier']}]" if one["tier"] else ""
    return amount(one["value"], one["unit"]) + (f" ({span})" if span else "") + tier


def _view(view: Mapping[str, Any]) -> str:
    from ondol.report.statement_words import amount

    if view["unavailable"]:
        return f"not available: {view['unavailable']}"
    parts = (("work", "job_g"), ("heat", "heat_g"), ("nobody", "unallocated_g"))
    return ", ".join(f"{name} {amount(view[key], 'gCO2e')}" for name, key in parts)


def _box(box: Mapping[str, Any]) -> str:
    from ondol.report.statement_words import amount

    made = box["made"]
    if made is None:
        return f"no figure: {box['refused']}"
    pump = made["heat_pump"]
    told = f"{made['sentence']} Against a heat pump: {amount(pump['g'], 'gCO2e')}."
    shared = box["contract"]
    if shared is None:
        return told
    heat, compute = (amount(shared[side]["g"], "gCO2e") for side in ("heat", "compute"))
    return f"{told} By contract ({shared['contract']}): {heat} to who takes the heat, {compute} to who computes."
