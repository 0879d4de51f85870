"""`adfast sweep`: one recipe, carried out at every combination of the settings that are varied."""
