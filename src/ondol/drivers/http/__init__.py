"""Pages that are pulled: JSON, or Prometheus text."""
