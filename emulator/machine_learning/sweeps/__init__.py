"""Sweep jobs: trials of one command with other values, the best of which is the result."""
