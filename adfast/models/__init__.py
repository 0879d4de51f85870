"""Models that read learning histories: their settings (torch-free), the transformer, its cache."""
