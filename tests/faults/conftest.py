"""A finished run that a test may damage."""

from cli.conftest import finished_run, first_call, recipe, run_copy

__all__ = ["finished_run", "first_call", "recipe", "run_copy"]
