"""Nouns of the platform: frozen dataclasses with SI units in their names."""
