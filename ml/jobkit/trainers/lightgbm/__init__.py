"""Gradient-boosted trees (LightGBM)."""
