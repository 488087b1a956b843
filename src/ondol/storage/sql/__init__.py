"""The store over SQL, by SQLAlchemy; SQLite is what it is used and tested with."""
