"""Training: windows of learning histories in, a next-action predictor out. Knows no simulator."""
