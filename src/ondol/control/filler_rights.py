"""Whose tasks may be filler: its energy is charged to the heat, so that the operator says who fills."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError
from ondol.model.filler import BURN_NAME, FillerTerms
from ondol.model.ids import AccountId
from ondol.model.view import ServiceClass


class FillerRights:
    """Checks tasks against `[filler]` of the fleet file.

    Parameters
    ----------
    account_id : of the account that fills, None where there is no such account yet
    own : whether a task is one of the platform's own queue
    """

    def __init__(
        self, terms: FillerTerms, account_id: Callable[[], AccountId | None], own: Callable[[Task], bool]
    ) -> None:
        self._terms, self._account_id, self._own = terms, account_id, own

    def accepted(self, task: Task) -> Task:
        """Give the task as it will run: where the operator chose no fillers, one that asks for it runs as harvest.

        Its energy is then its account's, and in its budgets: else anybody could work past every budget on the heat's
        account. What was asked for stays in its labels, and the admission note says what came of it.
        """
        if task.service is not ServiceClass.FILLER or self._terms.source != "none" or self._own(task):
            return task
        return dataclasses.replace(task, service=ServiceClass.HARVEST)

    def check(self, task: Task) -> None:
        """Refuse filler of anybody but the chosen account, and a name that is kept for cycles burnt for heat.

        Raises InvalidFieldError.
        """
        if self._own(task):
            return
        if task.name.strip().lower().startswith(BURN_NAME):
            raise InvalidFieldError(
                "name", task.name, f"another beginning than '{BURN_NAME}': statements mark burnt cycles by it"
            )
        if task.service is not ServiceClass.FILLER:
            return
        if self._terms.source == "none":
            if task.holds_pool:
                raise InvalidFieldError(
                    "service", "filler", "on_demand, flex or harvest: this installation has no fillers"
                )
            return
        if self._terms.source == "tasks":
            if task.account_id != self._account_id():
                raise InvalidFieldError(
                    "service", "filler", f"on_demand, flex or harvest; this installation takes {self._terms.account}'s"
                )
            return
        raise InvalidFieldError(
            "service", "filler", f"on_demand, flex or harvest; this installation fills with {self._terms.source}"
        )
