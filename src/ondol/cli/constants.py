"""Changes one constant of a task or pool, and leaves the others as they are."""

from __future__ import annotations

from typing import Any

from ondol.cli.api import Api
from ondol.cli.kinds import Kind


def change_constant(api: Api, kind: Kind, row: dict[str, Any], name: str, value: str) -> None:
    """Set a constant; it is added where there is none of that name.

    Parameters
    ----------
    row : the whole thing, as it is now; hidden values go back as they came, and stay
    """
    if "constants" not in row:
        row = dict(api.get(kind.path(str(row["uuid"]))))
    constants = [one for one in row.get("constants") or [] if one.get("key") != name]
    api.put(kind.path(str(row["uuid"])), {"constants": [*constants, {"key": name, "value": value}]})
