"""Commissioning of a site: what is wired wrong, and how its rooms, tanks and units really are.

- `bench` : reads and drives a site through its drivers, for as long as its agent is stopped
- `trial` : a quiet time, then every unit by itself for a while, within comfort and limits; gives a `recording`
- `check` : from the recording to findings; `check_static`, `check_water`, `check_response` are its parts
- `identify` : moves the set-points within comfort, and fits rooms, tanks and lags; `patch` writes them
"""
