"""Words that promise more than a ledger can say are found, in English and French; sober ones are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

import ondol.report
from ondol.accounting.wording import check_words, find_words
from ondol.model.errors import InvalidFieldError


@pytest.mark.parametrize(
    "text",
    [
        "a carbon-negative cloud",
        "Carbon negative",
        "carbon\u2011neutral heat",
        "climate neutral",
        "zero emission computing",
        "zero-carbon",
        "CO2-free",
        "net-zero",
        "free heat for your home",
        "heat for free",
        "neutralité carbone",
        "bilan carbone négatif",
        "zéro émission",
        "chaleur gratuite",
        "chaleur verte",
        "green heat",
        "offsets its emissions",
        "sans émissions",
        "neutre en carbone",
        "un site carboneutre",
        "émissions négatives",
        "negative carbon",
        "a negative footprint",
        "émission zéro",
        "zero net emissions",
        "your heat is free",
        "le chauffage est gratuit",
        "computing free of emissions",
        "decarbonised heat",
        "sans CO2",
        "compensation carbone",
        "offsets emissions",
        "carbon credits",
    ],
)
def test_forbidden(text: str) -> None:
    with pytest.raises(InvalidFieldError, match="other words"):
        check_words(text, "statement")


@pytest.mark.parametrize(
    "text",
    [
        "The heat avoids 2.6 kgCO2e, compared with a gas boiler, under the assumption that it would have run.",
        "Emissions of a negative reading are refused.",
        "waste heat free of burden by cut-off (A0)",
        "chaleur utile, comparée à une chaudière au gaz",
        "its heat comes free of burden (cut-off)",
        "no carbon intensity is known for this hour",
        "a credit for heat is never taken",
        "zero is no answer where a meter is missing",
        "the offset of the carbon basis is 12 g/kWh",
    ],
)
def test_sober_words_pass(text: str) -> None:
    assert find_words(text) == ()


def test_no_template_and_no_text_of_reports_uses_such_words() -> None:
    folder = Path(ondol.report.__file__).parent
    texts = [
        path for path in sorted(folder.rglob("*")) if path.suffix in (".html", ".jinja", ".j2", ".css", ".py", ".txt")
    ]
    assert any(path.parent.name == "templates" for path in texts)
    found = [f"{path.name}: {one.words}" for path in texts for one in find_words(path.read_text(encoding="utf-8"))]
    assert found == []
