"""Object storage: the port the platform uses, its S3 and folder forms, and the SeaweedFS supervisor."""
