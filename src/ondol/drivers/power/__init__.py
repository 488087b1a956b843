"""Where the watts of a node come from when no meter hangs on it: RAPL counters, else the curve on CPU time."""
