"""How attempts really run: a port and one adapter per engine."""
