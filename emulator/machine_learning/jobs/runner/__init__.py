"""Runs one job: a process of its own that outlives the emulator and needs only the standard library."""
