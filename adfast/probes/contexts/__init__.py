"""Contexts that are found in histories: those of a source of some competence, cut ones."""
