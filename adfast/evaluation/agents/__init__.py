"""Agents: whoever learns in context, the front that checks what they are told, their names."""
