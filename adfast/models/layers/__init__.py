"""What the transformer is made of, layer by layer."""
