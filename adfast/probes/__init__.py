"""Probes: questions put to what was trained, one file each."""
