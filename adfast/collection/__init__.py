"""Collection: source algorithms over tasks and seeds, in parallel, into a history store."""
