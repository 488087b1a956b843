"""`ondol task dependencies-state`: what a task waits for."""

from __future__ import annotations

from typing import Any

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.kinds import TASKS
from ondol.cli.listing import field, print_json, print_rows, say
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import ANY, Which, one


def dependencies_state(*keys: str, which: Which = ANY, out: Out = SHOWN, where: Where = HERE) -> None:
    """Show what a task waits for, and what came of that.

    Parameters
    ----------
    keys:
        Its id or the first digits of it, its short name, or its name.
    """
    with open_api(where) as api:
        task = one(api, TASKS, keys, which)
    needs: dict[str, Any] = task.get("dependencies") or {}
    if out.json:
        print_json(needs)
        return
    rows = needs.get("advancedDependsOn") or [{"taskUuid": key} for key in needs.get("dependsOn") or []]
    columns = (
        field("TASK", "taskUuid"),
        field("MAY END AS", "taskFinalStateCondition", lambda ends: ", ".join(map(str, ends or ["any"]))),
        field("ENDED AS", "actualFinalState"),
        field("", "state"),
    )
    if needs.get("state"):
        say(f"{task['uuid']}: {needs['state']}", out)
    print_rows(rows, columns, out=out, empty=f"{task['uuid']} waits for no task.", key="taskUuid")
