"""What is in metrics.jsonl, shown by TensorBoard or Weights & Biases too."""
