"""Agents written by hand, one in each file; their names: `adfast.evaluation.agents.catalogue`."""
