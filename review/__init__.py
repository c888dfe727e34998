"""The review of a change: what it does to a stack, as one comment that a person reads and one document for machines."""
