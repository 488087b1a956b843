"""Ondol: runs compute where its heat is wanted."""
