"""SIRET: number of an establishment in the French register, nine digits of the company and five of the place."""

from __future__ import annotations

from ondol.model.errors import InvalidFieldError

_LA_POSTE = "356000000"  # its establishments outgrew the rule: their digits sum to a multiple of five (INSEE)


def check_siret(field: str, value: str) -> None:
    """Refuse what is not 14 digits with a right check digit (Luhn, ISO/IEC 7812-1 annex B)."""
    allowed = "a SIRET: 14 digits of which the last checks the others (Luhn)"
    if not (isinstance(value, str) and len(value) == 14 and value.isascii() and value.isdigit()):
        raise InvalidFieldError(field, value, allowed)
    digits = [int(digit) for digit in value]
    if value.startswith(_LA_POSTE) and sum(digits) % 5 == 0:
        return
    doubled = [digit if place % 2 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits)]
    if sum(doubled) % 10:
        raise InvalidFieldError(field, value, allowed)
