"""check_family: whether a family keeps the rules that loops, stores and reports rely on."""

from adfast.family_check.check import FamilyCheck, check_family

__all__ = ["FamilyCheck", "check_family"]
