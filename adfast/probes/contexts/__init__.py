"""Contexts that probes give agents to read: walks, what tasks pay for them, and edits."""
