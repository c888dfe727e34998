"""Jobs: what was submitted, what it runs in, and its way from submission to its end."""
