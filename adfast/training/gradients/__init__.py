"""The gradient of an update: by one thread, several, or one CUDA graph."""
