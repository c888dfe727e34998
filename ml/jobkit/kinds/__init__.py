"""Kinds of feature, one a module: what `features.yaml` says of one. Nothing but the standard library."""
