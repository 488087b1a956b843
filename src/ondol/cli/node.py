"""`ondol node`: servers, and whether they take work."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from ondol.cli.connection import HERE, Where, open_api
from ondol.cli.listing import field, print_rows, print_text
from ondol.cli.output import SHOWN, Out
from ondol.cli.wording import power

app = App(name="node", help="See the servers, drain them, let them take work again.")

_COLUMNS = (
    field("NODE", "id"),
    field("UNIT", "unit_id"),
    field("STATE", "state"),
    field("BUSY", "busy_slots", right=True),
    field("DRAWS", "power_w", power, right=True),
    field("MAY DRAW", "cap_w", power, right=True),
)


@app.command(name="list")
def list_nodes(*, out: Out = SHOWN, where: Where = HERE) -> None:
    """List the servers with their state and power."""
    with open_api(where) as api:
        rows: Any = api.get("/heat/v1/nodes")
    print_rows(rows, _COLUMNS, out=out)


@app.command
def drain(node: str, *, where: Where = HERE) -> None:
    """Let what runs on a server end, and place nothing new on it."""
    _set(node, "draining", where)


@app.command
def ready(node: str, *, where: Where = HERE) -> None:
    """Let a drained server take work again."""
    _set(node, "ready", where)


def _set(node: str, state: str, where: Where) -> None:
    with open_api(where) as api:
        after: Any = api.put(f"/heat/v1/nodes/{node}", {"state": state})
    print_text(f"{after['id']} is {after['state']}")
