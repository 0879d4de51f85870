"""What stands inside a model: its residual stream, and what becomes of it when that is changed."""
