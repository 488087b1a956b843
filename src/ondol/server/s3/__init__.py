"""The S3 front: per-account buckets and credentials before one private backend."""
