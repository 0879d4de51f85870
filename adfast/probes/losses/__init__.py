"""How well a model predicts what histories hold."""
