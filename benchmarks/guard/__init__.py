"""`--against REV`: this checkout and another commit, in processes that take turns."""
