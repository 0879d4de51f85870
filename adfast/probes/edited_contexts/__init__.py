"""What somebody does where a context is edited."""
