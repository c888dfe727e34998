"""What clients of online endpoints call: who they are, where a request goes, what becomes of it."""
