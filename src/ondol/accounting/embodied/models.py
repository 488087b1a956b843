"""Names of processors, cards and machines, as they are written on them and as the registry's ids have them."""

from __future__ import annotations

import difflib
import re

from ondol.accounting.registry import Registry
from ondol.model.errors import InvalidFieldError

_NOISE = re.compile(r"\((?:r|tm)\)|@.*$|\bcpu\b|\b\d+-core processor\b|\bprocessor\b", re.IGNORECASE)
_BETWEEN = re.compile(r"[^a-z0-9]+")


def known_models(registry: Registry, group: str) -> tuple[str, ...]:
    """Names that the registry knows: group "die" (processors), "gpu" (cards) or "archetype" (machines)."""
    suffix = "" if group == "die" else "-gwp"
    return tuple(
        row.id[len(group) + 1 :].removesuffix(suffix) for row in registry.find(group) if row.id.endswith(suffix)
    )


def slug_of(model: str) -> str:
    """Write the name of a model as ids do: "AMD EPYC(TM) 7543 32-Core Processor" is "amd-epyc-7543"."""
    return _BETWEEN.sub("-", _NOISE.sub(" ", model.lower())).strip("-")


def id_of_model(model: str, group: str, registry: Registry, *, suffix: str, field: str) -> str:
    """Give the name of a model as the registry's ids have it.

    Parameters
    ----------
    group, suffix : before and behind it in the id of its row
    field : for the message

    Raises
    ------
    InvalidFieldError : the registry has no such row; the message lists those it has, and the other ways
    """
    slug = slug_of(model)
    if f"{group}-{slug}{suffix}" not in registry.rows:
        names = known_models(registry, group)
        close = difflib.get_close_matches(slug, names, n=3, cutoff=0.5)
        hint = f" (did you mean {', '.join(close)}?)" if close else ""
        raise InvalidFieldError(
            field,
            model,
            f"one of {', '.join(names)}{hint}; or an own row {group}-{slug}{suffix}, or a named archetype "
            f"({', '.join(known_models(registry, 'archetype'))})",
        )
    return slug
