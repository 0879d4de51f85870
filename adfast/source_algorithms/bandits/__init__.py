"""Learners of bandits."""
