"""Names of the two files the system learns from."""

from __future__ import annotations

HOLDERS = "potential-bike-buyers.csv"
PURCHASES = "adworks-bike-purchases.csv"
