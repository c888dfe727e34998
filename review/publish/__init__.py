"""Puts a review where people read it: one comment for a project and stack, edited in place."""
