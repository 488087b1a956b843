"""Forecasts that the twin gives its policies, from what its sensors have shown, and how wrong they were.

- `expected` : what one forecast says of the hours ahead; `disturbed` : the truth with errors of stated size
- `readings` : what sensors and meters have shown, hour by hour; `pooling` : which sinks are read together
- `learned` : heat demand and draws as `thermal.forecast` learns them; `yesterday` : the naive reference
- `survey` : what hosts say before there are readings; `weather` : weather forecasts with times of issue
- `errors` : how wrong a run's forecasts were; `cost` : what that costs
- `fitting` : rooms and tanks fitted to what a run recorded; `believing` : fitted stores in place of true ones

Figures: docs/reference/forecast.md.
"""
