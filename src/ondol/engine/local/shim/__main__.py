"""Entry point: ``python -I -S …/engine/local/shim ORDER.json`` stands over one attempt until it has ended.

Isolated (-I) and without site (-S) it sees the standard library only; the folder of this package is appended, not
put in front, so that nothing beside it can take the place of a standard module.
"""
# ruff: noqa: PTH100, PTH120
# Pathlib would double the start-up time

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    here = os.path.abspath(__file__)
    for _ in range(5):  # shim, local, engine, ondol, the folder that holds ondol
        here = os.path.dirname(here)
    sys.path[:] = [entry for entry in sys.path if entry != os.path.dirname(os.path.abspath(__file__))] + [here]

    from ondol.engine.local.shim.attempt import run

    run(sys.argv[1])
