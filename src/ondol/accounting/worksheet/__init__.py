"""Worksheets: figures worked out by the house's formulas from numbers that somebody declares, without any ledger."""
