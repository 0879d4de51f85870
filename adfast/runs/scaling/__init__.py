"""Scaling: what a recipe comes to as one thing after the other grows, with fitted exponents."""
