"""The HTTP API: the Qarnot-compatible compute subset, `/heat/v1` and `/ledger/v1`; pydantic lives at this edge only."""
