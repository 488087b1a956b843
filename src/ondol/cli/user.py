"""`ondol user`: accounts, made on the machine that holds the data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ondol.cli.listing import AsJson, field, print_json, print_rows, print_text
from ondol.cli.wording import clock
from ondol.control.layout import data_folder
from ondol.model.errors import NotFoundError

if TYPE_CHECKING:
    from ondol.control.directory import Directory
    from ondol.storage.sql.store import SqlStore

app = App(name="user", help="Make accounts and their tokens, on the platform's own machine.")

Data = Annotated[Path | None, Parameter(help="Data folder of the platform [env: ONDOL_DATA, default: ./var/ondol].")]


@app.command
def add(email: str, /, *, data: Data = None, as_json: AsJson = False) -> None:
    """Make an account and print its token, this once only.

    Parameters
    ----------
    email:
        Who it is; also the access key of the object store.
    """
    with _accounts(data, make=True) as (directory, _):
        account, token = directory.add_account(email)
    _tell(account.email, token, as_json=as_json)


@app.command(name="list")
def list_(*, data: Data = None, as_json: AsJson = False) -> None:
    """List the accounts."""
    with _accounts(data, make=False) as (_, store):
        rows = [
            {"email": one.email, "id": one.id, "created": one.created_at.isoformat()}
            for one in sorted(store.accounts(), key=lambda account: account.email)
        ]
    columns = (field("E-MAIL", "email"), field("ID", "id"), field("CREATED (UTC)", "created", clock))
    print_rows(rows, columns, as_json=as_json, empty="No accounts yet: 'ondol user add' makes one.")


@app.command
def renew_token(email: str, /, *, data: Data = None, as_json: AsJson = False) -> None:
    """Give an account a new token; the old one is refused from then on."""
    with _accounts(data, make=False) as (directory, _):
        token = directory.renew_token(email)
    _tell(email, token, as_json=as_json)


@contextmanager
def _accounts(data: Path | None, *, make: bool) -> Iterator[tuple[Directory, SqlStore]]:
    from ondol.control.directory import Directory
    from ondol.storage.sql.store import SqlStore
    from ondol.storage.tokens import Keyring

    folder = data_folder(data)
    if make:
        folder.make()
    elif not folder.database_file.is_file():
        raise NotFoundError("platform data", f"{folder.path}; 'ondol user add' or 'ondol up' makes it, --data names it")
    store = SqlStore(folder.database_url)
    try:
        yield Directory(store, Keyring(folder.key_file)), store
    finally:
        store.close()


def _tell(email: str, token: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"email": email, "token": token})
    else:
        print_text(f"{email} {token}")
