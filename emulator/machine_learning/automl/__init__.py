"""AutoML jobs: Azure's contract, and FLAML behind it."""
