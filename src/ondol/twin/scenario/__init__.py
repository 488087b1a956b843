"""What the twin lives through: a TOML file to checked nouns, and nouns to series over the steps."""

from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.reading import load_scenario, read_scenario

__all__ = ["Scenario", "load_scenario", "read_scenario"]
