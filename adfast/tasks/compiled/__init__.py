"""What compiled loops around any family are made of, and the one that plans."""
