"""A trained model for others: weights, a config, and a definition that needs PyTorch alone."""
