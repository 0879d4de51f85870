"""Evaluation: a frozen model acts in context, next to exact references."""
