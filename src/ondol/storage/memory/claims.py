"""The registers of claims in memory."""

from __future__ import annotations

import threading

from ondol.accounting.claims import follow
from ondol.model.claim import CHAIN_BEGIN, ClaimRow
from ondol.model.ids import SiteId


class MemoryClaims:
    """The claims' part of a store in memory."""

    _lock: threading.RLock

    def __init__(self) -> None:
        super().__init__()
        self._claims: dict[SiteId, list[ClaimRow]] = {}

    def append_claim(self, row: ClaimRow) -> None:
        with self._lock:
            follow(row, *(self.claim_seal(row.site_id) or (0, CHAIN_BEGIN)))
            self._claims.setdefault(row.site_id, []).append(row)

    def claim_rows(self, site_id: SiteId | None = None) -> tuple[ClaimRow, ...]:
        with self._lock:
            found = self._claims if site_id is None else {site_id: self._claims.get(site_id, [])}
            return tuple(row for _, own in sorted(found.items()) for row in own)

    def claim_seal(self, site_id: SiteId) -> tuple[int, str] | None:
        with self._lock:
            own = self._claims.get(site_id)
            return (own[-1].number, own[-1].hash) if own else None
