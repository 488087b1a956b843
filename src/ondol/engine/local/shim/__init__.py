"""The small process that stands over one attempt, so that the attempt outlives the platform.

Standard library only, no dataclasses, typing or pathlib: a shim must start in some tens of milliseconds and stay small.
"""
