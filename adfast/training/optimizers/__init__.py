"""The optimisers, their schedules and states."""
