"""Tokens of site agents: one for each site, good for that site's agent and for nothing else."""

from __future__ import annotations

import hmac

from ondol.model.errors import NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.storage.ports import Changes, Store
from ondol.storage.tokens import hash_token, new_token

SIGN = "site-"
"""What a site's token begins with; its site's id and 48 hexadecimal digits follow."""


class SiteTokens:
    """Makes and knows them; what is kept is their SHA-256."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def renew(self, fleet: Fleet, site_id: str) -> str:
        """Give a site a token, shown this once only; the one before is no longer valid.

        Raises
        ------
        NotFoundError : the fleet has no such site
        """
        if all(site.id != site_id for site in fleet.sites):
            raise NotFoundError("site", site_id)
        token = f"{SIGN}{site_id}-{new_token()}"
        self._store.commit(Changes(documents={_key(site_id): hash_token(token).encode()}))
        return token

    def site_of(self, token: str) -> SiteId | None:
        """Whose token it is, None where it is none."""
        if not token.startswith(SIGN) or len(token) > 200:
            return None
        site_id = token[len(SIGN) :].rpartition("-")[0]
        kept = self._store.document(_key(site_id))
        if kept is None or not hmac.compare_digest(kept, hash_token(token).encode()):
            return None
        return SiteId(site_id)


def _key(site_id: str) -> str:
    return f"site-token.{site_id}"
