"""Wired M-Bus: heat, water and electricity meters."""
