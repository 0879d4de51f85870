"""Families whose agent walks through rooms that it sees from within, picture by picture."""
