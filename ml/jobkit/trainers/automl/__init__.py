"""A search over the other trainers and their hyperparameters (FLAML)."""
