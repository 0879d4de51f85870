"""What a user would otherwise run, each at its own best."""
