"""The embedded engine: attempts are real processes on this Linux machine, each under a shim of its own.

Kept free of imports: the shims start through this package and must start fast.
"""
