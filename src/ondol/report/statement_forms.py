"""A statement in one of its forms, ready to be sent or written to a file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from ondol.accounting.account.statement import Statement
from ondol.report.statement_lines import statement_csv, statement_data

Form = Literal["json", "csv", "html", "pdf"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A statement as bytes.

    Parameters
    ----------
    name : of a file that it would be kept in
    media_type : e.g. "text/csv"
    """

    name: str
    media_type: str
    body: bytes


def statement_paper(made: Statement, form: Form) -> Paper:
    """Give a statement in a form; what draws is loaded only where a form has drawings."""
    subject = made.subject
    name = f"{subject.kind}-{subject.id or 'all'}-{made.window.start:%Y%m%dT%H%MZ}"
    name = f"{re.sub(r'[^A-Za-z0-9.-]+', '-', name)}.{form}"
    if form == "csv":
        return Paper(name=name, media_type="text/csv", body=statement_csv(made).encode())
    if form == "html":
        from ondol.report.statement_page import statement_html

        return Paper(name=name, media_type="text/html", body=statement_html(made).encode())
    if form == "pdf":
        from ondol.report.statement_pdf import statement_pdf

        return Paper(name=name, media_type="application/pdf", body=statement_pdf(made))
    body = json.dumps(statement_data(made), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Paper(name=name, media_type="application/json", body=body.encode())
