"""The store over SQL: SQLite by default, PostgreSQL for fleets."""
