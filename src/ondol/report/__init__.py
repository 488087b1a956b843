"""Shows statements to people: on the terminal, as one self-contained HTML file, and as JSON."""
