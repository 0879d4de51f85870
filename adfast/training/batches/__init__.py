"""Batches: windows as torch tensors, on their device before they are asked for."""
