"""What fills heat that no user's work covers: `[filler]` of the fleet file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ondol.model.checks import check_choice, check_range, check_text, check_whole
from ondol.model.errors import InvalidFieldError

SOURCES = ("none", "tasks", "boinc", "burn")
BURN_NAME = "burnt for heat"
"""How the names of tasks begin that burn cycles for heat; statements know them by it; no user's may."""

_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_/-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FillerTerms:
    """A queue of the operator's choice.

    Parameters
    ----------
    source : "none": nobody fills, and who asks for it gets harvest; "tasks": those that `account` submits as filler,
        and nobody else's; "boinc": slots that run a BOINC client; "burn": cycles burnt for their heat, useful to nobody
    account : e-mail address of whose tasks fillers are; needed for "tasks", else "" for the installation's operator
    most_instances : of "boinc" and "burn" at once; 0 for as many as the fleet has slots
    slice_s : a BOINC client or burnt cycles end by themselves after so long, and others take their place [s, wall]
    project_url, project_key_secret : project that BOINC works for, and the name of the account's secret with its key
    command : of a BOINC slot, in place of the packaged one; `${PROJECT_URL}` and the secret's variable are filled in
    image : container image that has the client, "" for this machine's own system
    burn_asked_by : who asks for burning and why, "NAME, REASON"; else nothing is; every statement shows it

    Raises
    ------
    InvalidFieldError : a source without what it needs, or what another source needs
    """

    source: str = "none"
    account: str = ""
    most_instances: int = 0
    slice_s: float = 3600.0
    project_url: str = ""
    project_key_secret: str = ""
    command: str = ""
    image: str = ""
    burn_asked_by: str = ""

    def __post_init__(self) -> None:
        check_choice("filler.source", self.source, SOURCES)
        check_whole("filler.most_instances", self.most_instances, 0, 100_000)
        check_range("filler.slice_s", self.slice_s, 60.0, 604_800.0, "s")
        self._check_account()
        self._check_burn()
        self._check_boinc()

    @property
    def keeps_queue(self) -> bool:
        """Whether the platform itself keeps fillers waiting."""
        return self.source in ("boinc", "burn")

    def _check_account(self) -> None:
        if self.source == "none" and self.account:
            raise InvalidFieldError("filler.account", self.account, 'left out where source is "none"')
        if (self.source == "tasks" or self.account) and "@" not in self.account:
            raise InvalidFieldError("filler.account", self.account, "the e-mail address of whose tasks fillers are")

    def _check_boinc(self) -> None:
        if self.source != "boinc":
            for name in ("project_url", "project_key_secret", "command", "image"):
                if getattr(self, name):
                    raise InvalidFieldError(f"filler.{name}", getattr(self, name), 'left out unless source is "boinc"')
            return
        if not self.project_url.startswith(("http://", "https://")) or " " in self.project_url:
            raise InvalidFieldError("filler.project_url", self.project_url, "the project's address, http(s)://…")
        if not _SECRET.fullmatch(self.project_key_secret):
            raise InvalidFieldError(
                "filler.project_key_secret", self.project_key_secret, "the name of a secret of the account"
            )
        if self.command:
            check_text("filler.command", self.command, 2000)

    def _check_burn(self) -> None:
        who, comma, why = self.burn_asked_by.partition(",")
        if self.source != "burn":
            if self.burn_asked_by:
                raise InvalidFieldError("filler.burn_asked_by", self.burn_asked_by, 'left out unless source is "burn"')
        elif not (comma and who.strip() and why.strip()):
            raise InvalidFieldError(
                "filler.burn_asked_by",
                self.burn_asked_by,
                'who asks for it and why, "NAME, REASON"; nothing burns else',
            )
        else:
            check_text("filler.burn_asked_by", self.burn_asked_by, 150)
