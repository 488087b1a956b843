"""`ondol statement`: the whole account of an instance, task, job, pool, user, project, site, host or the fleet."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from cyclopts import Parameter

from ondol.cli.api import LONG_S, Api, RefusedError
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.kinds import JOBS, POOLS, TASKS, find_id
from ondol.cli.listing import WIDTH, print_json, print_pairs, print_paragraph, print_text, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import clock
from ondol.model.errors import InvalidFieldError
from ondol.storage.whole_files import write_whole

Kind = Literal["instance", "task", "job", "pool", "user", "project", "site", "host", "fleet"]
_FINDS = {"task": TASKS, "job": JOBS, "pool": POOLS}
_WHOLE = ("user", "host", "fleet")
_FEW = 12
_LISTED = {
    "instance": "'ondol task list' shows your tasks",
    "task": "'ondol task list' shows yours",
    "job": "'ondol job list' shows yours",
    "pool": "'ondol pool list' shows yours",
    "project": "'ondol project list' shows yours",
    "site": "'ondol site list' shows those that you see",
    "host": "it is about who hosts a site that you see ('ondol heat hosts SITE')",
    "user": "leave the e-mail out for yourself; those of others are for the operator",
    "fleet": "it takes no id",
}


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
    with open_api(where, timeout_s=LONG_S) as api, _told_where(kind):
        key = _key(api, kind, id_)
        path = f"/ledger/v1/statements/{kind}" + (f"/{quote(key, safe='')}" if key else "")
        span = {"from": from_, "to": to}
        for target, form in ((html, "html"), (pdf, "pdf")):
            if target is not None:
                write_whole(target, api.data(path, format=form, **span))
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


@contextlib.contextmanager
def _told_where(kind: Kind) -> Iterator[None]:
    """Say with an id that nobody has where ids are found."""
    try:
        yield
    except RefusedError as error:
        if error.status != 404 or not str(error).startswith(f"No such {kind}:") or not _LISTED.get(kind):
            raise
        raise RefusedError(error.status, f"{error}; {_LISTED[kind]}") from error


def _key(api: Api, kind: Kind, id_: str) -> str:
    """What the API finds a subject by."""
    if kind == "instance":
        task, dot, number = id_.rpartition(".")
        return f"{_key(api, 'task', task)}{dot}{number}" if task else id_
    return find_id(api, _FINDS[kind], id_) if kind in _FINDS and len(id_) != 36 else id_


def _print(made: Mapping[str, Any]) -> None:
    from ondol.accounting.account.said import VIRTUAL
    from ondol.report.statement_words import KIND_TITLES

    subject, window = made["subject"], made["window"]
    print_paragraph(f"{KIND_TITLES[subject['kind']]}: {subject['name']}")
    print_text(f"{clock(window['start'])} to {clock(window['end'])} UTC, platform time\n")
    for section, figures in made["figures"].items():
        print_text(section.upper())
        _pairs([(one["label"], _figure(one)) for one in figures.values()])
        print_text("")
    print_text("VIEWS (each shares out the whole inventory)")
    _pairs([(name, _view(view)) for name, view in made["views"].items()])
    print_text("\nAPART: AVOIDED EMISSIONS (never in the inventory)")
    boxes = made["avoided"]["sites"]
    _pairs([(box["site_name"], _box(box)) for box in boxes[:_FEW]])
    _more(len(boxes))
    print_text("\nAPART: THE SAME WORK AND HEAT ELSEWHERE (below zero the platform did better)")
    baskets = made["baskets"]
    _pairs([(one["site_name"], _basket(one)) for one in baskets[:_FEW]])
    _more(len(baskets))
    if made["claims"] is not None:
        print_text("\nWHOSE CLAIM IT IS")
        _pairs([(one["holder"], _claim(one)) for one in made["claims"][:_FEW]])
        _more(len(made["claims"]))
        if not made["claims"]:
            print_text("Nobody holds a claim on this heat.")
    print_text("\nPARTS")
    _pairs([(part["name"], _part(part)) for part in made["parts"][:_FEW]])
    _more(len(made["parts"]))
    print_text("")
    print_paragraph(f"The parts differ from the whole by {made['adds_up']['residual']:.1e} (1e-09 is allowed).")
    print_paragraph(made["uncertainty"]["driver"])
    said = [*made["findings"], *made["missing"]]
    for line in said[:_FEW]:
        print_paragraph(f"- {line}")
    _more(len(said))
    for note in made["notes"]:
        if note == VIRTUAL:
            print_paragraph(note)


def _pairs(pairs: Sequence[tuple[str, object]]) -> None:
    print_pairs(pairs, width=WIDTH)


def _more(count: int) -> None:
    if count > _FEW:
        print_text(f"  and {count - _FEW} more: --json or --csv")


def _part(part: Mapping[str, Any]) -> str:
    from ondol.report.statement_words import amount

    return f"{amount(part['total_kwh'], 'kWh')}, {amount(part['total_g'], 'gCO2e')}"


def _claim(one: Mapping[str, Any]) -> str:
    from ondol.report.statement_words import amount

    of = "" if one["share"] == 1.0 else f"a share of {one['share']:g} of "
    return (
        f"{of}{amount(one['kwh'], 'kWh')} of {one['site_id']}, {clock(one['start'])[:16]} to {clock(one['end'])[:16]}"
    )


def _basket(one: Mapping[str, Any]) -> str:
    from ondol.report.statement_words import amount, band

    made = one["made"]
    if made is None:
        return f"no figure: {one['refused']}"
    delta = made["delta"]
    told = f"{amount(delta['g'], 'gCO2e')} ({band(delta['low_g'], delta['high_g'], 'gCO2e')})"
    return f"{told} against {one['against']}"


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
