"""Fits the parameters of rooms and tanks to their own readings, within bounds and with a verdict.

- `room_fit` : the two masses of a `Zone` from two or three weeks
- `room_open_loop` : readings of a room, and a day's predictions from them
- `tank_fit` : standing loss and effective capacity of a `Tank`
- `windows` : stretches of open-loop prediction, readings with gaps; `estimate` : least squares with priors and bounds
"""
