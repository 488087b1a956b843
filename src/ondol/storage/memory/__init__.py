"""The store in memory: the twin of the SQL one, for tests and simulation."""
