"""Actions from logits: the same draws on the processor, in torch and in one kernel."""
