"""What finds a slow-down: a run against a record, and this checkout against another commit."""
