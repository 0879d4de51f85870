"""Acting, step by step: what an agent is told and has read, and its step on host and device."""
