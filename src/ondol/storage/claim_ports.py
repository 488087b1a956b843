"""The port of the registers of claims: one chain of rows by site, appended to and never changed."""

from __future__ import annotations

from typing import Protocol

from ondol.model.claim import ClaimRow
from ondol.model.ids import SiteId


class ClaimStore(Protocol):
    """The claims' part of the store; every call is a commit of its own, durable when it returns."""

    def append_claim(self, row: ClaimRow) -> None:
        """Append a row; raises ConflictError where it has not the number and the hash that its site's register demands.

        Whoever decides on a register that changed meanwhile is refused, so that each decision is made on all of it.
        """
        ...

    def claim_rows(self, site_id: SiteId | None = None) -> tuple[ClaimRow, ...]:
        """Rows of a site's register by number; of all registers, by site, where none is named."""
        ...

    def claim_seal(self, site_id: SiteId) -> tuple[int, str] | None:
        """Number and hash, as they were written with it, of a register's last row; None where there is none."""
        ...
