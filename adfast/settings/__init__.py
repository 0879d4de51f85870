"""Settings as a reader wants them: path, value, default, meaning and what each accepts."""
