"""`ondol mirror`: what your work took, what waiting gained, what was wasted, and what to try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from ondol.cli.api import LONG_S
from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import WIDTH, print_json, print_pairs, print_paragraph, print_text
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import UNKNOWN, clock
from ondol.model.errors import InvalidFieldError

_J_PER_KWH = 3.6e6


def mirror(
    kind: Literal["user", "project"] = "user",
    id_: Annotated[str, Parameter(name="id")] = "",
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    out: Out = SHOWN,
    where: Where = HERE,
) -> None:
    """Show your use of compute: against budgets, what flexibility gained, what was wasted, three things to try.

    Parameters
    ----------
    kind:
        Of a user, or of a project that you are in.
    id_:
        Id or short name of the project; of a user yourself, unless you are the operator.
    from_:
        From this platform time on, ISO 8601; 7 days back if left out, 31 days at most.
    to:
        Before this platform time.
    """
    if kind == "project" and not id_:
        raise InvalidFieldError("id", id_, "which project it is about")
    with open_api(where, timeout_s=LONG_S) as api:
        made = api.get("/ledger/v1/mirror", kind=kind, id=id_ or None, **{"from": from_, "to": to})
    if out.json:
        print_json(made)
        return
    _print(made)


def _print(made: Mapping[str, Any]) -> None:
    from ondol.report.statement_words import amount

    gain, waste = made["gain"], made["waste"]
    basis = str(made["basis"]).partition(":")[0]  # its name; the sentence behind it is in the JSON
    print_paragraph(f"{made['subject']['name']}: {clock(made['start'])} to {clock(made['end'])} UTC, platform time")
    print_text("")
    wasted = amount(waste["energy_j"] / _J_PER_KWH, "kWh")
    print_pairs(
        [
            ("tasks", made["tasks"]),
            ("electricity", amount(made["energy_kwh"], "kWh")),
            (
                "carbon of it",
                f"{amount(made['co2e_g'], 'gCO2e')} ({basis}; budgets count making the servers, too)",
            ),
            *[(f"budget {one['name']}", _budget(one)) for one in made["budgets"]],
            (
                "gained by waiting",
                f"{amount(gain['gained_g'], 'gCO2e')} against running at once ({_tasks(gain['tasks'])})",
            ),
            ("wasted", f"{wasted}, {amount(waste['co2e_g'], 'gCO2e')}"),
            *[(f"  {_line(line)}", amount(line["energy_j"] / _J_PER_KWH, "kWh")) for line in waste["lines"]],
        ],
        width=WIDTH,
    )
    print_text(
        "\nTo try" if made["suggestions"] else "\nNothing to suggest: your own jobs show nothing that would save."
    )
    for number, one in enumerate(made["suggestions"], start=1):
        both = ((one["saves_kwh"], "kWh"), (one["saves_g"], "gCO2e"))
        saved = " and ".join(amount(value, unit) for value, unit in both if value)
        print_paragraph(f"{one['text']} It would have saved {saved}. How: {one['how']}.", label=str(number))
    if made["without"]:
        print_text("\nLooked at too" if made["suggestions"] else "\nLooked at")
    for line in made["without"]:
        print_paragraph(f"- {line}")


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"


def _line(line: Mapping[str, Any]) -> str:
    words = str(line["kind"]).replace("_", " ")
    return f"{words} ({line['cause']})" if line["cause"] else words


def _budget(one: Mapping[str, Any]) -> str:
    from ondol.report.statement_words import amount

    parts = []
    for spent, limit, carried, left, unit in (
        ("co2e_spent_g", "co2e_limit_g", "co2e_carried_g", "co2e_left_g", "gCO2e"),
        ("energy_spent_kwh", "energy_limit_kwh", "energy_carried_kwh", "energy_left_kwh", "kWh"),
    ):
        if one[limit] is not None:
            told = UNKNOWN if one[spent] is None else amount(one[spent], unit)
            whole = one[limit] + (one.get(carried) or 0.0)
            rest = ""
            if one[left] is not None:
                promised = whole - (one[spent] or 0.0) - one[left]
                rest = f", {amount(promised, unit)} promised" if promised > 1e-6 * max(whole, 1e-3) else ""
                rest += f", {amount(one[left], unit)} left"
            parts.append(f"{told} of {amount(whole, unit)}{rest}")
    of = "" if one.get("renews_at") is None else f", in the period until {clock(one['renews_at'])[:16]} UTC"
    return "; ".join(parts) + of
