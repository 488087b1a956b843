"""The heat side of the twin: one file a kind of sink, all of a kind in one array."""
