"""`make runs` and `make compare`: what was trained, what changed from run to run, and how two of them differ."""
