"""Whole statements: of a task, job, pool, user, project, site, host or the fleet, over any window of the ledger."""
