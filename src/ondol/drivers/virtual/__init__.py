"""Virtual heat hardware: the thermal models in the place of pipes and rooms."""
