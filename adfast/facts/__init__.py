"""What a family says of itself: how different its tasks are, and what can be earned in them."""

from adfast.facts.of_family import FamilyFacts, family_facts

__all__ = ["FamilyFacts", "family_facts"]
