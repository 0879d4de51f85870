"""Sweeps: a recipe carried out at every combination of the settings that are varied."""
