"""Deciding where and when work runs for its heat; one file per policy."""
