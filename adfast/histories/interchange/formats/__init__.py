"""The foreign formats, one file each, beside what reads their files safely."""
