"""Variables that jobs are given and nobody is shown: secrets granted to their task, and its owner's credentials."""

from __future__ import annotations

from collections.abc import Callable

from ondol.control.directory import Directory
from ondol.control.secret_desk import PlatformSecrets
from ondol.model.compute import Task
from ondol.storage.ports import Store


class JobSecrets:
    """Puts the variables of a task together at its launch.

    Parameters
    ----------
    addresses : of the API and of the object store as jobs reach them, None while nothing is served
    """

    def __init__(
        self,
        store: Store,
        directory: Directory,
        secrets: PlatformSecrets,
        addresses: Callable[[], tuple[str, str | None] | None],
    ) -> None:
        self._store, self._directory, self._secrets, self._addresses = store, directory, secrets, addresses

    def environment(self, task: Task) -> dict[str, str]:
        """Give the variables: secrets as `PlatformSecrets.environment`, credentials under the names that SDKs read."""
        variables = self._secrets.environment(task)
        if task.export_credentials:
            variables |= self._credentials(task)
        return variables

    def _credentials(self, task: Task) -> dict[str, str]:
        account, where = self._store.account(task.account_id), self._addresses()
        token = None if account is None else self._directory.secret_of(account.email)
        if account is None or token is None or where is None:
            return {}
        api_url, storage_url = where
        # The names that the Python SDK and the CLI read (`reference/qarnot-api.md` §1).
        variables = {
            "QARNOT_CLUSTER_URL": api_url,
            "QARNOT_CLIENT_TOKEN": token,
            "QARNOT_ACCOUNT_EMAIL": account.email,
        }
        return variables if storage_url is None else variables | {"QARNOT_STORAGE_URL": storage_url}
