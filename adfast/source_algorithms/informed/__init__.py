"""Learners that know the family or the task: experts, ideal learners, the heuristic."""
