"""The loops that learners learn in, and how they choose."""
