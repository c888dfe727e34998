"""Azure Policy: definitions, initiatives, assignments and exemptions, and what they do to a request."""
