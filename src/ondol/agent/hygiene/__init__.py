"""Legionella: what a tank's rule asks, how it stands against it, when its cycle runs and who heats it."""
