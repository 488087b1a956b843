"""Where state is kept: repositories (SQLite, PostgreSQL, memory) and objects (S3)."""
