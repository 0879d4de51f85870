"""The studies that adfast ships, and what was published of what they reproduce."""
