"""Who else might have acted: they follow a history and say what they would have done."""
