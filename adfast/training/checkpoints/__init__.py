"""Checkpoints of a training, and what goes on from them."""
