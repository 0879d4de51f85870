"""Agents written by hand, one in each file; `adfast.evaluation.catalogue` has their names."""
