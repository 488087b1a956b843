"""The demonstration: a small fleet kept warm by real jobs, on one machine."""
