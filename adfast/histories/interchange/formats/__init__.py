"""The foreign formats, a file or a folder each, beside what reads their files safely."""
