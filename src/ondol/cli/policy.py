"""`ondol policy`: which policies are installed."""

from __future__ import annotations

import sys

from cyclopts import App

from ondol.cli.listing import field, print_rows
from ondol.cli.output import SHOWN, Out

app = App(name="policy", help="What decides where work runs.")


@app.command(name="list")
def list_(*, out: Out = SHOWN) -> None:
    """List the installed policies."""
    from ondol.policy.registry import load_policy, policy_names

    rows = []
    for name in policy_names():
        words = (sys.modules[type(load_policy(name)).__module__].__doc__ or "").strip().splitlines()
        rows.append({"name": name, "summary": words[0] if words else ""})
    print_rows(rows, (field("NAME", "name"), field("WHAT IT DOES", "summary")), out=out)
