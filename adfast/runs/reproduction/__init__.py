"""Reproductions: studies of published results, made from parts that are carried out one by one."""
