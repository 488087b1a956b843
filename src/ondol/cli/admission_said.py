"""What a platform said of tasks when it accepted them: one line on standard error."""

from __future__ import annotations

from collections.abc import Sequence

from ondol.cli.api import Api, RefusedError
from ondol.cli.listing import note
from ondol.cli.output import Out
from ondol.model.errors import UnavailableError


def tell_admission(api: Api, made: Sequence[str], out: Out) -> None:
    """Tell when the first of some new tasks will start, and what heat has to do with it.

    A platform that does not tell, or not now, is no fault: the tasks are accepted.
    """
    if not made or out.quiet or out.json:
        return
    try:
        said = api.get(f"/admission/v1/tasks/{made[0]}")
    except (RefusedError, UnavailableError):
        return
    others = f" (and {len(made) - 1} more)" if len(made) > 1 else ""
    note(f"{said['service']}{others}: {said['text']}", out)
