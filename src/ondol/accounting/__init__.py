"""Pure: who used which electricity, which heat was useful, and what carbon that stands for, from ledger rows alone."""
