"""`make new`: a system from a table, in a few files that work as they are."""
