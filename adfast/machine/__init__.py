"""What the machine runs and grants, and where compiled code is kept on it."""
