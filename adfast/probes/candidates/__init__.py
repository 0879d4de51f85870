"""Who may be acting: candidates, and how well each explains what was done."""
