"""Where state is kept: one port with SQL and memory behind it, objects (S3), tokens, and the fleet file."""
