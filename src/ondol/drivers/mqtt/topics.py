"""Ondol's own topics: `<root>/<site>/status`, `…/event`, `…/<entity>/state`, `…/<entity>/<name>/set`."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.ids import SiteId

ONLINE, OFFLINE = "online", "offline"
"""What stands on the status topic; the broker itself writes offline when we fall silent (last will)."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of the topics of one site.

    Parameters
    ----------
    root : first part of all, e.g. "ondol"
    discovery : prefix of Home Assistant's discovery, "" for none
    """

    root: str
    site_id: SiteId
    discovery: str = ""

    @property
    def status(self) -> str:
        """Retained: online or offline."""
        return f"{self.root}/{self.site_id}/status"

    @property
    def event(self) -> str:
        """Not retained: one JSON per alarm, cleared alarm or refused command."""
        return f"{self.root}/{self.site_id}/event"

    @property
    def commands(self) -> str:
        """Filter of all commands."""
        return f"{self.root}/{self.site_id}/+/+/set"

    @property
    def app_status(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.discovery}/status"

    @property
    def announced(self) -> str:
        """Filter of all that was announced for this site, by this version or an earlier one."""
        return f"{self.discovery}/device/ondol-{self.site_id}/+/config"

    def state(self, entity_id: str) -> str:
        """Retained: one JSON with all that is shown of a sink or unit."""
        return f"{self.root}/{self.site_id}/{entity_id}/state"

    def set(self, entity_id: str, name: str) -> str:
        """Commands in."""
        return f"{self.root}/{self.site_id}/{entity_id}/{name}/set"

    def config(self, object_id: str) -> str:
        """Retained: what Home Assistant is to show of one device."""
        return f"{self.discovery}/device/ondol-{self.site_id}/{object_id}/config"

    def command_of(self, topic: str) -> tuple[str, str] | None:
        """Give entity and name of a command's topic, None for any other topic."""
        start = f"{self.root}/{self.site_id}/"
        parts = topic[len(start) :].split("/") if topic.startswith(start) else []
        return (parts[0], parts[1]) if len(parts) == 3 and parts[2] == "set" else None
