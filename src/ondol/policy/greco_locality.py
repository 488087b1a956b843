"""`greco` with data first: GRECO's LocalityBased, which prefers sites that already hold all inputs of a task.

From the description in `reference/landscape.md` §2.3: a first pass over only those sites that hold all data sets of
the task, in the same order of levels, then the ordinary pass, task by task. All else is `policy.greco`. Where the size
of an input is not known, nobody is taken to hold it. The movement of data that went with it (which site fetches what
beforehand) is no policy's business here: sites keep what they have fetched once.
"""

from __future__ import annotations

from ondol.policy.greco import Greco


class GrecoLocality(Greco):
    """Thresholds and priorities as published, data first. See the module."""

    name = "greco-locality"
    data_first = True
