"""How good quotes are: each task of a run is quoted at its submission, then held against what came."""
