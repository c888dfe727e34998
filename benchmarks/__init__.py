"""Measurements that print figures and ratios; `make bench` runs them all."""
