"""Answers on this machine where Azure would: one process, durable state, the real thing behind each endpoint where
one exists.
"""
