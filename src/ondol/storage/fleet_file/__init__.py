"""The fleet file: TOML to a fleet and back, with every mistake in it told at once, each with its line."""

from ondol.storage.fleet_file.mistake import FleetFileError, Mistake
from ondol.storage.fleet_file.reading import check_fleet_text, load_fleet, read_fleet
from ondol.storage.fleet_file.writing import fleet_to_toml

__all__ = ["FleetFileError", "Mistake", "check_fleet_text", "fleet_to_toml", "load_fleet", "read_fleet"]
