"""The command line: what people type, and the live view in the terminal."""
