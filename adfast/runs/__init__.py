"""Runs: a recipe carried out, stage by stage, in a directory. Nothing here prints by itself."""
