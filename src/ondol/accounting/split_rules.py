"""The split rules by the names that a fleet file gives them."""

from __future__ import annotations

from collections.abc import Mapping

from ondol.accounting.ceems import CeemsRule
from ondol.accounting.split import CpuTimeRule, SplitRule
from ondol.model.checks import check_choice

RULES: Mapping[str, SplitRule] = {"cpu-time": CpuTimeRule(), "ceems": CeemsRule()}


def rule_named(name: str) -> SplitRule:
    """Give the rule of a name; raises InvalidFieldError for another."""
    check_choice("accounting.split_rule", name, tuple(RULES))
    return RULES[name]
