"""HTTP: the compute API, the heat API, the ledger, and the S3 front."""
