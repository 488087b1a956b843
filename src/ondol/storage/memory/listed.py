"""Tasks, jobs and pools in dictionaries: kept, found and listed as the SQL store does it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from ondol.model.compute import Task
from ondol.model.job import Job
from ondol.model.pool import ComputePool
from ondol.storage.facets import Counted, facets, matches, position
from ondol.storage.page_tokens import from_token, to_token
from ondol.storage.pages import Page, Query

Noun = TypeVar("Noun", Task, Job, ComputePool)


class Shelf(Generic[Noun]):
    """Rows of one kind by id; the caller holds the lock."""

    def __init__(self) -> None:
        self.rows: dict[str, Noun] = {}

    def put(self, nouns: Iterable[Noun], deleted: Iterable[str]) -> None:
        """Add, replace and remove rows."""
        for noun in nouns:
            self.rows[noun.id] = noun
        for key in deleted:
            self.rows.pop(key, None)

    def by_shortname(self, account_id: str, shortname: str) -> Noun | None:
        """Row of an account by its shortname, or by its id where it has none."""
        for noun in self.rows.values():
            if noun.account_id == account_id and (noun.shortname or noun.id) == shortname:
                return noun
        return None

    def page(self, account_id: str, query: Query, token: str, limit: int) -> Page[Noun]:
        """Rows of an account from where `token` left off."""
        after = from_token(query, token)
        found = {}
        for key, noun in self.rows.items():
            facet = facets(noun)
            if noun.account_id == account_id and matches(facet, query):
                found[position(facet, key, query.order)] = noun
        places = sorted(
            (place for place in found if after is None or (place > after if query.rising else place < after)),
            reverse=not query.rising,
        )
        given = places[:limit]
        following = to_token(query, given[-1]) if len(places) > limit and given else ""
        return Page(tuple(found[place] for place in given), following)

    def open(self) -> tuple[Noun, ...]:
        """Rows with which something will still happen, by id."""
        return tuple(noun for _, noun in sorted(self.rows.items()) if facets(noun).open)

    def counts(self, account_id: str) -> tuple[int, int]:
        """Rows of an account that count, and those of them that are not over."""
        counted = [facets(noun).counted for noun in self.rows.values() if noun.account_id == account_id]
        return sum(one is not Counted.NOT for one in counted), sum(one is Counted.LIVE for one in counted)
