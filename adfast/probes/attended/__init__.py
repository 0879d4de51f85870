"""What a model attends to while it acts: exact weights, and a compact record of them."""
