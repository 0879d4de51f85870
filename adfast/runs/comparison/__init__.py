"""Comparisons: any runs of one family side by side, those of several seeds pooled."""
