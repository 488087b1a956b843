"""An ipmitool that keeps a controller's state in a file and prints as ipmitool 1.8 does (its lib/ipmi_dcmi.c)."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

SOURCE = '''\
#!{python}
import json, os, sys, time
state_file = {state!r}
state = json.load(open(state_file))
words = sys.argv[1:]
state["calls"].append(words)
def leave(code, text=""):
    json.dump(state, open(state_file, "w"))
    (sys.stderr if code else sys.stdout).write(text)
    sys.exit(code)
time.sleep(state.get("delay_s", 0.0))
if "-f" in words:
    if open(words[words.index("-f") + 1]).readline().rstrip("\\n") != state["password"]:
        leave(1, "Error: Unable to establish IPMI v2 / RMCP+ session\\n")
at = words.index("dcmi")
assert words[at + 1] == "power", words
command, rest = words[at + 2], words[at + 3:]
if command in state.get("fails", {{}}):
    leave(1, state["fails"][command] + "\\n")
if command == "reading":
    watts = min(state["wants_w"], state["limit"]) if state["active"] else state["wants_w"]
    leave(0, """
    Instantaneous power reading:              %8d Watts
    Minimum during sampling period:           %8d Watts
    Maximum during sampling period:           %8d Watts
    Average power reading over sample period: %8d Watts
    IPMI timestamp:                           01/05/26 08:00:00 UTC
    Sampling period:                          00000001 Seconds.
    Power reading state is:                   %s

""" % (watts, 10, 900, watts, state["measures"]))
if command == "get_limit":
    leave(0, """
    Current Limit State: %s
    Exception actions:   %s
    Power Limit:         %i Watts
    Correction time:     %i milliseconds
    Sampling period:     1 seconds

""" % ("Power Limit Active" if state["active"] else "No Active Power Limit", state["action"], state["limit"],
       state["correction"]))
if command == "set_limit":
    if rest[0] == "limit" and not state.get("ignores"):
        state["limit"] = int(rest[1])
    elif rest[0] == "correction":
        state["correction"] = int(rest[1])
    elif rest[0] == "action":
        state["action"] = {{"sel_logging": "Log Event to SEL",
                           "power_off": "Hard Power Off & Log Event to SEL"}}[rest[1]]
    leave(0)
if command in ("activate", "deactivate"):
    state["active"] = command == "activate"
    leave(0, "\\n    Power limit successfully %sd\\n" % command)
leave(1, "Invalid command\\n")
'''


class Controller:
    """The state behind the stand-in."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "state.json"
        self.program = folder / "bin" / "ipmitool"
        self.program.parent.mkdir()
        self.program.write_text(textwrap.dedent(SOURCE.format(python=sys.executable, state=str(self._file))))
        self.program.chmod(0o755)
        self._file.write_text(
            json.dumps(
                {
                    "calls": [],
                    "password": "s3cret",
                    "wants_w": 380,
                    "limit": 500,
                    "active": False,
                    "action": "Log Event to SEL",
                    "correction": 1000,
                    "measures": "activated",
                }
            )
        )

    @property
    def state(self) -> dict[str, object]:
        read: dict[str, object] = json.loads(self._file.read_text())
        return read

    def set(self, **fields: object) -> None:
        self._file.write_text(json.dumps({**self.state, **fields}))
