"""What models distilled from histories are compared with."""
