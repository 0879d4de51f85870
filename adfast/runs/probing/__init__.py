"""Probes put to runs, studies and agents."""
