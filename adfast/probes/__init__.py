"""Probes: questions put to what was trained; a folder holds those of one kind and their means."""
