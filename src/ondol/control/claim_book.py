"""The registers of claims: who may see and add to them, and that no kilowatt-hour is claimed twice."""

from __future__ import annotations

import datetime as dt
import math
import secrets
import threading
from collections.abc import Callable, Sequence

from ondol.accounting.avoided import Avoided
from ondol.accounting.claims import HeatAxis, active, bin_number, conflicts, heat_axis, joined, taken, whole_register
from ondol.accounting.counterfactual import avoided_by
from ondol.control.asked_claims import AskedClaim, AvoidedOf, ClaimGround, Register
from ondol.control.carbon_ground import CarbonGround
from ondol.control.claim_rows import claim_of, holds, rooms_of, row_of, same_request
from ondol.control.directory import OPERATOR
from ondol.control.host_rights import HostRights, is_operator
from ondol.control.meter_classes import heat_error
from ondol.model.account import Account
from ondol.model.claim import LEAST_KWH, Claim, ClaimedAvoided, ClaimRow, Withdrawal
from ondol.model.errors import ConflictError, ForbiddenError, InvalidFieldError, NotFoundError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId

_LATE = dt.timedelta(hours=6)  # ledger windows that a lost link made long begin before the period that they reach into
_LONGEST = dt.timedelta(days=366)
_WEEK = dt.timedelta(days=7)
_TRIES = 100
_ROUNDING = 1e-9


class ClaimBook:
    """Keeps the registers; every method is thread-safe.

    Parameters
    ----------
    now : platform time
    avoided_of : None where nothing is known of reference heaters
    registry : version of the factors that `avoided_of` counts with
    """

    def __init__(
        self,
        store: ClaimGround,
        rights: HostRights,
        now: Callable[[], dt.datetime],
        *,
        avoided_of: AvoidedOf | None = None,
        registry: str = "",
    ) -> None:
        self._store, self._rights, self._now = store, rights, now
        self._avoided_of, self._registry = avoided_of, registry
        self._lock = threading.Lock()

    def claims(self, account: Account, site_id: SiteId | None = None) -> tuple[ClaimRow, ...]:
        """Give the rows that an account may see, by site and number.

        The operator sees all, a host those of its sites, everybody the claims that they hold and their withdrawals.
        """
        rows = self._store.claim_rows(site_id)
        own = {row.claim.id for row in rows if row.claim is not None and holds(account, row.claim)}
        return tuple(row for row in rows if self._rules(account, row.site_id) or claim_of(row) in own)

    def register(self, account: Account, site_id: SiteId, start: dt.datetime, end: dt.datetime) -> Register:
        """Give a site's register with what is claimed of a period, and whether it is whole.

        Raises NotFoundError for a site that an account may not see, ForbiddenError where it may not see its register.
        """
        self._check_rules(account, site_id)
        axis, _ = self._axis(site_id, start, end)
        seal = self._store.claim_seal(site_id)
        rows = self._store.claim_rows(site_id)
        if seal != self._store.claim_seal(site_id):  # written meanwhile
            seal = self._store.claim_seal(site_id)
            rows = self._store.claim_rows(site_id)
        rooms = rooms_of(axis, taken(active(rows), start, end))
        return Register(
            site_id=site_id,
            rows=rows,
            whole=whole_register(rows, seal),
            useful_kwh=axis.total_kwh,
            claimed_kwh=sum((room.to_kwh - room.from_kwh) * room.share for room in rooms),
            rooms=rooms,
        )

    def add(self, account: Account, asked: AskedClaim) -> Claim:
        """Register a claim; the same one sent again is given back as it is.

        Raises
        ------
        NotFoundError, ForbiddenError : the site is not the account's to claim for
        InvalidFieldError : a period that is not over, or not of whole quarters of an hour; more heat than there was
        ConflictError : some of these kWh are claimed already
        """
        self._check_rules(account, asked.site_id)
        if not is_operator(account) and asked.holder_email != account.email:
            raise ForbiddenError(
                f"A host claims for itself (holder_email {account.email}); the operator ({OPERATOR}) for anybody"
            )
        axis, reaches = self._axis(asked.site_id, asked.start, asked.end)
        if asked.end > min(reaches, self._now()):
            raise InvalidFieldError(
                "to",
                asked.end.isoformat(),
                f"at most {reaches.isoformat()}: so far reaches the ledger's heat of this site",
            )
        claim = self._claim(account, asked, axis)
        for _ in range(_TRIES):
            with self._lock:
                seal = self._store.claim_seal(asked.site_id)  # first: a row that comes after it makes the append fail
                rows = self._store.claim_rows(asked.site_id)
                before = same_request(self._store.claim_rows() if asked.id else (), claim, whole=asked.to_kwh is None)
                if before is not None:
                    return before
                self._check_free(account, rows, claim, axis)
                try:
                    self._store.append_claim(row_of(claim.site_id, seal, claim=claim))
                except ConflictError:  # another process was faster: decide again on what is there now
                    continue
                return claim
        raise UnavailableError("The register of claims changes too fast; nothing was claimed. Try again in a moment")

    def withdraw(self, account: Account, claim_id: str, reason: str) -> Claim:
        """Give a claim up by a second row; its kWh can be claimed anew. Withdrawn twice, it stays withdrawn once.

        Raises
        ------
        NotFoundError : no such claim that the account may see
        ForbiddenError : only the operator and who made the claim may
        """
        for _ in range(_TRIES):
            with self._lock:
                claim = self._seen(account, claim_id)
                if not is_operator(account) and claim.made_by != account.email:
                    raise ForbiddenError(f"Only who made a claim and the operator ({OPERATOR}) may withdraw it")
                seal = self._store.claim_seal(claim.site_id)
                rows = self._store.claim_rows(claim.site_id)
                entry = Withdrawal(claim_id=claim_id, reason=reason, made_by=account.email, made_at=self._moment(rows))
                if all(one.id != claim_id for one in active(rows)):
                    return claim
                try:
                    self._store.append_claim(row_of(claim.site_id, seal, withdrawal=entry))
                except ConflictError:
                    continue
                return claim
        raise UnavailableError("The register of claims changes too fast; nothing was withdrawn. Try again in a moment")

    def claim(self, account: Account, claim_id: str) -> tuple[Claim, Withdrawal | None]:
        """Give a claim that an account may see, and how it was withdrawn."""
        found = self._seen(account, claim_id)
        gone = [row.withdrawal for row in self._store.claim_rows(found.site_id) if row.withdrawal is not None]
        return found, next((one for one in gone if one.claim_id == claim_id), None)

    # -- parts --

    def _seen(self, account: Account, claim_id: str) -> Claim:
        for row in self.claims(account):
            if row.claim is not None and row.claim.id == claim_id:
                return row.claim
        raise NotFoundError("claim", claim_id)

    def _rules(self, account: Account, site_id: SiteId) -> bool:
        return is_operator(account) or account.id in self._rights.terms(site_id).hosts

    def _check_rules(self, account: Account, site_id: SiteId) -> None:
        self._rights.check_sees(account, site_id)
        if not self._rules(account, site_id):
            raise ForbiddenError(
                f"Only the hosts of site {site_id} and this installation's operator ({OPERATOR}) may claim its heat. "
                "The operator names hosts with 'ondol heat hosts'"
            )

    def _axis(self, site_id: SiteId, start: dt.datetime, end: dt.datetime) -> tuple[HeatAxis, dt.datetime]:
        """Give the period's heat, and how far the ledger's heat of the site reaches."""
        if bin_number("to", end) <= bin_number("from", start) or end - start > _LONGEST:
            raise InvalidFieldError("to", end.isoformat(), f"after from, {start.isoformat()}, by 366 days at most")
        axes: list[HeatAxis] = []
        reaches: dict[str, dt.datetime] = {}
        begin = start
        while begin < end:  # week by week: a year of minutes at once would be gigabytes
            until = min(begin + _WEEK, end)
            rows = list(self._store.heat(site_id=site_id, start=begin - _LATE, end=until))
            for row in rows:
                reaches[row.unit_id] = max(row.end, reaches.get(row.unit_id, row.end))
            axes.append(heat_axis(site_id, rows, begin, until))
            begin = until
        return joined(axes), max(reaches.values(), default=start)

    def _claim(self, account: Account, asked: AskedClaim, axis: HeatAxis) -> Claim:
        to_kwh = axis.total_kwh if asked.to_kwh is None else asked.to_kwh
        if axis.total_kwh == 0:
            raise InvalidFieldError("from", asked.start.isoformat(), "a period with metered useful heat of this site")
        first, last = axis.time_of(asked.from_kwh, to_kwh)
        amount_kwh = (to_kwh - asked.from_kwh) * asked.share
        saved = self._saved(asked.site_id, first, last, amount_kwh)
        return Claim(
            id=asked.id or f"claim-{secrets.token_hex(8)}",
            site_id=asked.site_id,
            start=asked.start,
            end=asked.end,
            from_kwh=asked.from_kwh,
            to_kwh=to_kwh,
            first=first,
            last=last,
            share=asked.share,
            holder=asked.holder,
            holder_email=asked.holder_email,
            contract=asked.contract,
            avoided=saved if isinstance(saved, ClaimedAvoided) else None,
            no_avoided="" if isinstance(saved, ClaimedAvoided) else saved,
            virtual=axis.virtual,
            made_by=account.email,
            made_at=self._now(),
        )

    def _saved(self, site_id: SiteId, first: dt.datetime, last: dt.datetime, amount_kwh: float) -> ClaimedAvoided | str:
        if self._avoided_of is None:
            return "no reference heaters are known here"
        box = self._avoided_of(site_id, first, last, amount_kwh)
        if isinstance(box, str):
            return box
        if box.evidence is None or box.valid_until is None:
            return "nobody stands for a counterfactual of this site"
        return ClaimedAvoided(
            g=box.named.g,
            low_g=box.named.low_g,
            high_g=box.named.high_g,
            heat_pump_g=box.heat_pump.g,
            reference=box.reference,
            evidence=box.evidence,
            valid_until=box.valid_until,
            registry=self._registry,
        )

    def _check_free(self, account: Account, rows: Sequence[ClaimRow], claim: Claim, axis: HeatAxis) -> None:
        standing = active(rows)
        others = conflicts(standing, claim, axis)
        if not others:
            return
        by_id = {one.id: one for one in standing}
        rules = self._rules(account, claim.site_id)
        named = [
            f"{by_id[key].id} of {by_id[key].holder} ({by_id[key].share:g} of it)"
            for key in others
            if rules or holds(account, by_id[key])
        ]
        unnamed = len(others) - len(named)
        told = [*named, *([f"{unnamed} that you may not see"] if unnamed else [])]
        free = [
            f"{round(room.from_kwh, 9)} to {round(room.to_kwh, 9)} kWh ({_down(1 - room.share):.9g} of it)"
            for room in rooms_of(axis, taken(standing, claim.start, claim.end))
            if room.share < 1.0 - _ROUNDING and room.to_kwh - room.from_kwh > LEAST_KWH
        ]
        raise ConflictError(
            f"Some of this heat is claimed already, by {'; '.join(told)}: a kilowatt-hour is claimed once. "
            + (f"Of this period there are free: {', '.join(free[:5])}" if free else "Nothing of this period is free")
        )

    def _moment(self, rows: Sequence[ClaimRow]) -> dt.datetime:
        return max([self._now(), *(row.at for row in rows[-1:])])


def _down(share: float) -> float:
    """A share that is free, rounded down: what is said to be free can be claimed as it is said."""
    return math.floor(share * 1e9 + 1e-3) / 1e9


def claims_of(
    fleet: Fleet, store: ClaimGround, rights: HostRights, ground: CarbonGround, now: Callable[[], dt.datetime]
) -> ClaimBook:
    """Make the book of an installation, which counts what heat avoids by the fleet file's reference heaters."""
    sites, off = {site.id: site for site in fleet.sites}, heat_error(fleet)

    def avoided_of(site_id: SiteId, first: dt.datetime, last: dt.datetime, useful_kwh: float) -> Avoided | str:
        return avoided_by(
            sites[site_id],
            ground.registry,
            ground.basis,
            last,
            useful_kwh,
            start=first,
            uncertainty=off.get(site_id, 0.0),
        )

    return ClaimBook(store, rights, now, avoided_of=avoided_of, registry=ground.registry.label)
