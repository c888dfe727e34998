"""Parallel steps: an entry script that gets its input in mini-batches, in several processes."""
