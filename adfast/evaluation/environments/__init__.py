"""Gymnasium's environments as agents act in them."""
