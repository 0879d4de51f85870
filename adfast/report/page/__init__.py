"""The page: its text, charts and drawings, and the document that holds them."""
