"""Creations that come twice: the same request sent again is answered alike and makes no twin (ADR 7)."""
