"""The files of a run: where they lie, their schemas, who reads and who writes them."""
