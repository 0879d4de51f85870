"""What was learned beyond the tasks of training."""
