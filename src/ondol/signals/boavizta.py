"""BoaviztAPI by its URL: a program of its own (AGPL-3), asked over HTTP about the making of a server.

Nothing of it is imported or copied here. Its answer is mapped strictly: a shape that is not known is refused, never
guessed at. Its constants and its defaults are its own; parts that it does not know it replaces without a word, so the
answer is held against the own bottom-up model by whoever reads both.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ondol.accounting.embodied.impact import Band, Impacts
from ondol.model.errors import UnavailableError
from ondol.model.hardware_parts import ServerParts

_KEYS = {"gwp": ("gwp", "kgCO2eq"), "adpe": ("adp", "kgSbeq"), "pe": ("pe", "MJ")}
_TIMEOUT_S = 15.0  # a first call was measured at 6.4 s (`reference/footprint.md` §3.1)
_MOST_BYTES = 1_000_000


class Boavizta:
    """Asks one BoaviztAPI; answers are remembered by what was asked, address included.

    Parameters
    ----------
    url : where it listens, e.g. "http://127.0.0.1:5000"
    cache : file of answers, JSON; None for none
    timeout_s : longest wait for an answer [s]
    """

    def __init__(self, url: str, cache: Path | None = None, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._url = url.rstrip("/")
        self._cache, self._timeout_s = cache, timeout_s

    def ask(self, parts: ServerParts) -> Mapping[str, Impacts]:
        """Give the impacts of making a server, as one part "machine".

        Raises
        ------
        UnavailableError : nobody answers in time, or what comes back is not what BoaviztAPI says
        """
        body = request_body(parts)
        key = hashlib.sha256(json.dumps([self._url, body], sort_keys=True).encode()).hexdigest()
        known = self._remembered()
        raw = known.get(key)
        fresh = raw is None
        if fresh:
            raw = self._post(body)
        answer = {"machine": impacts_of(raw, self._url)}
        if fresh:
            self._remember({**known, key: raw})
        return answer

    def _post(self, body: dict[str, Any]) -> Any:
        import httpx2  # few installations ask

        try:
            with httpx2.Client(timeout=self._timeout_s) as client:
                answer = client.post(
                    f"{self._url}/v1/server", params={"verbose": "false", "criteria": ["gwp", "adp", "pe"]}, json=body
                )
        except httpx2.HTTPError as error:
            raise UnavailableError(
                f"BoaviztAPI at {self._url} does not answer: {error or type(error).__name__}"
            ) from error
        if answer.status_code != 200:
            raise UnavailableError(f"BoaviztAPI at {self._url} answered {answer.status_code}: {answer.text[:200]}")
        if len(answer.content) > _MOST_BYTES:
            raise UnavailableError(
                f"BoaviztAPI at {self._url} answered {len(answer.content)} bytes, which is no server"
            )
        try:
            return answer.json()
        except ValueError as error:
            raise UnavailableError(f"BoaviztAPI at {self._url} did not answer in JSON") from error

    def _remembered(self) -> dict[str, Any]:
        if self._cache is None or not self._cache.exists():
            return {}
        try:
            known = json.loads(self._cache.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # a cache that cannot be read is asked for again
        return known if isinstance(known, dict) else {}

    def _remember(self, known: dict[str, Any]) -> None:
        if self._cache is None:
            return
        handle, name = tempfile.mkstemp(dir=self._cache.parent, prefix=self._cache.name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(known, file, sort_keys=True)
        Path(name).replace(self._cache)


def request_body(parts: ServerParts) -> dict[str, Any]:
    """Write parts as BoaviztAPI's server route wants them; all that has a number is named: little is left to assume."""
    cpu: dict[str, Any] = {"units": parts.cpu_units}
    cpu |= {"name": parts.cpu} if parts.cpu else {"die_size": parts.cpu_die_mm2}
    ram: dict[str, Any] = {"units": parts.ram_modules, "capacity": parts.ram_module_gb}
    if parts.ram_gb_per_cm2:
        ram["density"] = parts.ram_gb_per_cm2
    disks: list[dict[str, Any]] = []
    if parts.ssd_units:
        disks.append({"units": parts.ssd_units, "type": "ssd", "capacity": parts.ssd_gb})
        if parts.ssd_gb_per_cm2:
            disks[0]["density"] = parts.ssd_gb_per_cm2
    if parts.hdd_units:
        disks.append({"units": parts.hdd_units, "type": "hdd"})
    configuration: dict[str, Any] = {
        "cpu": cpu,
        "ram": [ram],
        "disk": disks,
        "power_supply": {"units": parts.psu_units, "unit_weight": parts.psu_kg},
    }
    if parts.gpu:
        configuration["gpu"] = {"units": parts.gpu_units, "name": parts.gpu}
    return {"model": {"type": "rack"}, "configuration": configuration}


def impacts_of(answer: Any, origin: str) -> Impacts:
    """Read {"impacts": {"gwp": {"embedded": {"value", "min", "max"}, "unit"}, "adp": …, "pe": …}}.

    A criterion that says "not implemented" is left out.

    Raises
    ------
    UnavailableError : another shape, another unit, a range that does not hold its value
    """
    impacts = answer.get("impacts") if isinstance(answer, dict) else None
    if not isinstance(impacts, dict):
        raise UnavailableError(f"BoaviztAPI at {origin} answered without impacts")
    found: dict[str, Band] = {}
    for criterion, (key, unit) in _KEYS.items():
        one = impacts.get(key)
        if not isinstance(one, dict):
            raise UnavailableError(f"BoaviztAPI at {origin} answered without impacts.{key}")
        if one.get("unit") != unit:
            raise UnavailableError(f"BoaviztAPI at {origin} counts impacts.{key} in {one.get('unit')!r}, not in {unit}")
        embedded: Any = one.get("embedded")
        if embedded == "not implemented":
            continue
        try:
            found[criterion] = Band(*(float(embedded[name]) for name in ("value", "min", "max")))
        except (TypeError, KeyError, ValueError) as error:
            raise UnavailableError(
                f"BoaviztAPI at {origin} answered impacts.{key}.embedded = {embedded!r}, without value, min and max"
            ) from error
    if "gwp" not in found:
        raise UnavailableError(f"BoaviztAPI at {origin} knows no carbon of this server")
    return Impacts(**found)
