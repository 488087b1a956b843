"""How often the heat signal comes true: a run whose signal is kept hour by hour and held against what then was."""
