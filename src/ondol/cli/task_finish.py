"""The end of tasks that somebody waits for: what they said meanwhile, how they ended, and the exit code of that."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ondol.cli.api import Api
from ondol.cli.kinds import TASKS
from ondol.cli.listing import note, print_json, print_text, say
from ondol.cli.output import Out
from ondol.cli.task_wait import FINAL, echo, wait_for


def finish(
    api: Api,
    task_ids: Sequence[str],
    out: Out,
    *,
    timeout_s: float | None = None,
    stdout: bool = False,
    stderr: bool = False,
    alone: bool = True,
) -> int:
    """Wait for tasks, tell how they ended, give the worst of their exit codes: 3 before 4 before 0.

    Parameters
    ----------
    stdout, stderr : print what they write as it comes; with JSON asked for, both on standard error
    alone : one task was meant: its JSON is no list
    """
    streams = [name for name, wanted in (("stdout", stdout), ("stderr", stderr)) if wanted]
    several = len(task_ids) > 1

    def heard(task: dict[str, Any]) -> None:
        for stream in streams:
            text = api.text(f"{TASKS.path(str(task['uuid']))}/{stream}", method="POST")
            if text:
                other = out.json or stream == "stderr"
                echo(_marked(task, text) if several else text, sys.stderr if other else sys.stdout)

    ended = wait_for(api, task_ids, timeout_s=timeout_s, out=out, heard=heard if streams else None)
    if out.json:
        print_json(ended[0] if alone and len(ended) == 1 else ended)
    for task in ended:
        if out.quiet and not out.json:
            print_text(str(task["uuid"]))
        elif not out.json and not streams:
            say(f"{task['uuid']} {task['state']}", out)
        elif streams:
            note(f"{task['uuid']} {task['state']}", out)
        for fault in task.get("errors") or []:
            note(f"  {fault.get('code', '')} {fault.get('message', '')}", out)
    codes = {FINAL[str(task["state"])] for task in ended}
    return next((code for code in (3, 4) if code in codes), 0)


def _marked(task: dict[str, Any], text: str) -> str:
    """Lines with the beginning of the task's id before each, as several are heard at once."""
    mark = str(task["uuid"])[:8]
    return "".join(f"{mark} {line}" for line in text.splitlines(keepends=True))
