"""Finds policies by name, so that a package installed beside Ondol can bring its own."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any, cast

from ondol.model.errors import NotFoundError
from ondol.policy.contract import Policy

GROUP = "ondol.policies"


def policy_names() -> tuple[str, ...]:
    """Names of all installed policies, sorted."""
    return tuple(sorted(entry_points(group=GROUP).names))


def load_policy(name: str) -> Policy[Any]:
    """Make the policy of that name with its default settings.

    Raises
    ------
    NotFoundError : no installed package registers it; the message lists those that are
    """
    found = tuple(entry_points(group=GROUP, name=name))
    if not found:
        raise NotFoundError("policy", f"{name}; installed are {', '.join(policy_names()) or 'none'}")
    return cast("Policy[Any]", found[0].load()())
