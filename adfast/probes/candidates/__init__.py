"""Who may be acting: candidates that follow a history and say what they would have done."""
