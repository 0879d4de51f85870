"""Recipes: the settings of a run, what they stand for, and what is refused before it begins."""
