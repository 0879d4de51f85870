"""From transitions, whatever holds them and whatever they show, to tokens."""
