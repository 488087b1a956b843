"""Product profiles: which register of a device holds what, as YAML files beside this one."""

from ondol.drivers.profiles.loading import load_profile, profile_names
from ondol.drivers.profiles.profile import Profile, Register

__all__ = ["Profile", "Register", "load_profile", "profile_names"]
