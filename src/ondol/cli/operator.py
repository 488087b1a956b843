"""Opens an installation's own database for the commands that only its operator gives, on the platform's machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ondol.control.layout import data_folder
from ondol.model.errors import InvalidFieldError, NotFoundError

if TYPE_CHECKING:
    from ondol.control.directory import Directory
    from ondol.model.account import Account
    from ondol.storage.sql.store import SqlStore

Data = Annotated[Path | None, Parameter(help="Data folder of the platform [env: ONDOL_DATA, default: ./var/ondol].")]
NO_LIMIT = "none"
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(|[KMGT]i?)B?", re.IGNORECASE)
_FACTOR = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


@contextmanager
def installation(data: Path | None, *, make: bool = False) -> Iterator[tuple[Directory, SqlStore]]:
    """Give accounts and store of a data folder; `make` makes one where there is none."""
    from ondol.control.directory import Directory
    from ondol.storage.sql.store import SqlStore
    from ondol.storage.tokens import Keyring

    folder = data_folder(data)
    if make:
        folder.make()
    elif not folder.has_database:
        raise NotFoundError(
            "platform data", f"{folder.path}; 'ondol admin user add' or 'ondol up' makes it, --data names it"
        )
    store = SqlStore(folder.database_url)
    try:
        yield Directory(store, Keyring(folder.key_file)), store
    finally:
        store.close()


def account_of(store: SqlStore, email: str) -> Account:
    """Account by its e-mail; raises NotFoundError."""
    account = store.account_by_email(email)
    if account is None:
        raise NotFoundError("account", f"{email}; 'ondol admin user list' shows those there are")
    return account


def read_count(option: str, text: str) -> int | None:
    """A whole number from 0, or "none" for no limit."""
    if text.strip().lower() == NO_LIMIT:
        return None
    if not text.strip().isdecimal() or len(text.strip()) > 18:
        raise InvalidFieldError(option, text, f"a whole number from 0, or {NO_LIMIT}")
    return int(text)


def read_size(option: str, text: str) -> int | None:
    """Bytes, e.g. 500MB or 10GiB, or "none" for no limit."""
    if text.strip().lower() == NO_LIMIT:
        return None
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InvalidFieldError(option, text, f"bytes like 500MB or 10GiB, or {NO_LIMIT}")
    return round(float(found[1]) * _FACTOR[found[2].upper()])


def read_amount(option: str, text: str) -> float | None:
    """An amount of EUR from 0, or "none" for no limit."""
    if text.strip().lower() == NO_LIMIT:
        return None
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0.0 <= amount <= 1e9:
        raise InvalidFieldError(option, text, f"an amount in EUR from 0, or {NO_LIMIT}")
    return amount
