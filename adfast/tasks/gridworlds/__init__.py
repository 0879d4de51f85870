"""Task families of an agent that walks over a grid of cells."""
