"""How heat hardware is read and driven: ports and one folder per kind of hardware."""
