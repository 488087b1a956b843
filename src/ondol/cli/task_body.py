"""From the options of `ondol task create` to the bodies that the compute API wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ondol.cli.creation_body import body_of
from ondol.cli.creation_file import merged, pairs_in, pairs_of
from ondol.model.errors import InvalidFieldError

USUAL_PROFILE, CONTAINERS = "process", "docker-batch"


def task_body(
    said: Mapping[str, Any], *, file: Mapping[str, Any] | None = None, profile_there: str = ""
) -> dict[str, Any]:
    """Give the body of `POST /tasks`; what was not said is left out, so that the platform's defaults hold.

    Parameters
    ----------
    said : options by their names, without None; `command` is the command
    file : a body that the options go before
    profile_there : profile of the pool that it goes to, which it need not name; "" where there is none

    Raises InvalidFieldError for options that contradict each other or cannot be read.
    """
    options = dict(said)
    if "instances" in options and "range" in options:
        raise InvalidFieldError("--range", options["range"], "given without --instances: it says how many there are")
    command = options.pop("command", None)
    above = body_of(options)
    if "service" in options and "schedulingtype" not in options:
        above["schedulingType"] = "OnDemand" if options["service"] == "on_demand" else "Flex"
    below = body_of(file or {})
    body = _spelled(merged(below, _spelled(above)))
    if not body.get("profile") and not profile_there:
        body["profile"] = CONTAINERS if "image" in options or _names_image(body) else USUAL_PROFILE
    if not body.get("instanceCount") and not body.get("advancedRanges"):
        body["instanceCount"] = 1
    if command is not None:
        _set_command(body, str(command), _profile_of(body, profile_there), pairs_in(above.get("constants") or {}))
    if not body.get("name"):
        raise InvalidFieldError("--name", body.get("name"), "what you call it")
    return body


def _set_command(body: dict[str, Any], command: str, profile: str, given: Mapping[str, Any]) -> None:
    variable = "DOCKER_CMD" if profile.startswith("docker") else "CMD"
    if variable in given:
        raise InvalidFieldError("--command", command, f"given without -c {variable}=…: both are the command")
    body["constants"] = pairs_of({variable: command} | _others(body.get("constants") or {}, variable))


def _others(constants: object, variable: str) -> dict[str, Any]:
    return {key: value for key, value in pairs_in(constants).items() if key != variable}


def _profile_of(body: Mapping[str, Any], profile_there: str) -> str:
    return str(body.get("profile") or profile_there)


def _names_image(body: Mapping[str, Any]) -> bool:
    return "DOCKER_REPO" in pairs_in(body.get("constants") or {})


_SPELLING = ("name", "profile", "constants", "labels", "instanceCount", "advancedRanges", "poolUuid", "jobUuid")
_SPELLED = {name.lower(): name for name in (*_SPELLING, "schedulingType", "shortname")}


def _spelled(body: Mapping[str, Any]) -> dict[str, Any]:
    """Spell the keys that are looked at here as the API does; a file may have them in any case."""
    return {_SPELLED.get(key.lower(), key): value for key, value in body.items()}
