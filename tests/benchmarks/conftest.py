"""Makes `benchmark_records` importable from the folders below, whichever is collected."""
