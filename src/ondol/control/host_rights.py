"""Who may see a site and who may set it: its hosts and the operator; of a site without hosts all see, one sets."""

from __future__ import annotations

import threading

from ondol.control.directory import OPERATOR
from ondol.model.account import Account
from ondol.model.errors import ForbiddenError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.storage.heat_ports import HeatStore, SiteTerms


class HostRights:
    """Terms of every site, kept in memory; every method is thread-safe.

    A site that a caller may not see is, for that caller, not there: the answer is that of an unknown site.
    """

    def __init__(self, fleet: Fleet, store: HeatStore) -> None:
        self._store = store
        self._sites = tuple(site.id for site in fleet.sites)
        self._lock = threading.Lock()
        self._terms = {terms.site_id: terms for terms in store.site_terms()}

    def terms(self, site_id: SiteId) -> SiteTerms:
        """What was agreed for a site."""
        with self._lock:
            return self._terms.get(site_id) or SiteTerms(site_id=site_id)

    def agree(self, terms: SiteTerms) -> None:
        """Replace a site's terms, durably; raises NotFoundError."""
        if terms.site_id not in self._sites:
            raise NotFoundError("site", terms.site_id)
        with self._lock:
            self._store.put_site_terms(terms)
            self._terms[terms.site_id] = terms

    def sees(self, account: Account, site_id: SiteId) -> bool:
        """Whether an account may see a site."""
        hosts = self.terms(site_id).hosts
        return not hosts or account.id in hosts or is_operator(account)

    def seen(self, account: Account) -> frozenset[SiteId]:
        """Sites that an account may see."""
        return frozenset(site_id for site_id in self._sites if self.sees(account, site_id))

    def check_sees(self, account: Account, site_id: SiteId) -> None:
        """Raise NotFoundError where there is no such site for an account."""
        if site_id not in self._sites or not self.sees(account, site_id):
            raise NotFoundError("site", site_id)

    def check_sets(self, account: Account, site_id: SiteId) -> None:
        """Raise NotFoundError as `check_sees`, ForbiddenError where an account may see a site and not set it."""
        self.check_sees(account, site_id)
        if not is_operator(account) and account.id not in self.terms(site_id).hosts:
            raise ForbiddenError(
                f"Only the hosts of site {site_id} and this installation's operator ({OPERATOR}) may set its heat. "
                "The operator names hosts with 'ondol heat hosts'"
            )


def is_operator(account: Account) -> bool:
    """Whether an account is that of the installation's operator."""
    return account.email == OPERATOR
