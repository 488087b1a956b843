"""Words that no statement may use of itself, in English and French, and why (`reference/footprint.md` §5 rule 12)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ondol.model.errors import InvalidFieldError


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Words in a text that promise more than a ledger can say."""

    words: str
    why: str


_AVOIDS = 'say "avoids, compared with X, under assumption Y"'
_NOTHING_IS_ZERO = "there is always embodied and upstream carbon"
_HEAT_COSTS = "its electricity was bought and burdened"
_TURNED_OFF = "avoided emissions are no offsets and never cancel an inventory"

_SPACE = r"[\s\u00a0\u202f\-\u2010-\u2013]*"
_CARBON = r"(?:carbone?|co2e?|co₂e?|climate?|climat|climatique|ghg|ges|emissions?|émissions?)"

_RULES: tuple[tuple[str, str], ...] = (
    (rf"\b{_CARBON}{_SPACE}(?:negative|négatifs?|négatives?|positive|positifs?)\b", _AVOIDS),
    (rf"\b(?:negative|négatives?){_SPACE}(?:emissions?|émissions?|carbon|footprint)\b", _AVOIDS),
    (rf"\b{_CARBON}{_SPACE}(?:neutral|neutrality|neutre)\b", _TURNED_OFF),
    (rf"\bneutralité{_SPACE}{_CARBON}\b|\bneutres?{_SPACE}en{_SPACE}{_CARBON}\b|\bcarboneutres?\b", _TURNED_OFF),
    (rf"\bnet{_SPACE}z[eé]ro\b|\bz[eé]ro{_SPACE}net{_SPACE}{_CARBON}\b", _TURNED_OFF),
    (rf"\b(?:carbon{_SPACE}credits?|crédits?{_SPACE}carbone)\b", _TURNED_OFF),
    (rf"\b(?:zero|zéro){_SPACE}{_CARBON}\b", _NOTHING_IS_ZERO),
    (rf"\b{_CARBON}{_SPACE}free\b", _NOTHING_IS_ZERO),
    (
        rf"\b(?:émissions?|carbone|carbon){_SPACE}z[eé]ro\b|\bfree{_SPACE}(?:of|from){_SPACE}{_CARBON}\b",
        _NOTHING_IS_ZERO,
    ),
    (rf"\bdecarboni[sz]ed\b|\bsans{_SPACE}(?:co2e?|co₂e?|ges)\b", _NOTHING_IS_ZERO),
    (r"\b(?:décarboné|décarbonée|sans carbone|sans émissions?|without emissions?)\b", _NOTHING_IS_ZERO),
    (rf"\bfree{_SPACE}(?:of{_SPACE}charge{_SPACE})?(?:heat|heating|energy|warmth)\b", _HEAT_COSTS),
    (rf"\b(?:heat|heating|energy){_SPACE}for{_SPACE}(?:free|nothing)\b", _HEAT_COSTS),
    (r"\b(?:heat|heating|warmth)\s+(?:is|comes)\s+free\b(?!\s+of\s+burden)", _HEAT_COSTS),
    (r"\b(?:chaleur|énergie|chauffage)\s+(?:est\s+)?(?:gratuite?|verte?)\b", _HEAT_COSTS),
    (rf"\b(?:green|clean){_SPACE}(?:heat|heating|energy|cloud|computing)\b", "say from what, and how much"),
    (rf"\bclimate{_SPACE}friendly\b|\beco{_SPACE}friendly\b|\bécologique\b", "say what was measured"),
    (rf"\b{_CARBON}{_SPACE}(?:offsets?|compensation|compensée?s?)\b", _TURNED_OFF),
    (rf"\bcompensations?{_SPACE}{_CARBON}\b", _TURNED_OFF),
    (rf"\b(?:offsets?|compensates?|compenses?)\s+{_CARBON}\b", _TURNED_OFF),
    (rf"\b(?:offsets?|compensates?|compenses?)\s+(?:its|their|the|ses|leurs|les)\s+{_CARBON}\b", _TURNED_OFF),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), why) for pattern, why in _RULES)


def find_words(text: str) -> tuple[Forbidden, ...]:
    """Give every forbidden wording in a text, in its order; English and French."""
    found = [
        (match.start(), Forbidden(match.group(0), why)) for rule, why in _COMPILED for match in rule.finditer(text)
    ]
    return tuple(one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].words)))


def check_words(text: str, field: str = "text") -> None:
    """Refuse a text that uses such words.

    Raises InvalidFieldError naming the words and why.
    """
    for one in find_words(text):
        raise InvalidFieldError(field, one.words, f"other words: {one.why}")
