"""Sizes of virtual machines: what an instance may use here."""

from __future__ import annotations

# https://learn.microsoft.com/azure/machine-learning/reference-managed-online-endpoints-vm-sku-list: GB and cores.
SIZES = {
    "standard_ds1_v2": (3.5, 1.0),
    "standard_ds2_v2": (7.0, 2.0),
    "standard_ds3_v2": (14.0, 4.0),
    "standard_ds4_v2": (28.0, 8.0),
    "standard_f2s_v2": (4.0, 2.0),
    "standard_f4s_v2": (8.0, 4.0),
    "standard_f8s_v2": (16.0, 8.0),
    "standard_e2s_v3": (16.0, 2.0),
    "standard_e4s_v3": (32.0, 4.0),
    "standard_d2as_v4": (8.0, 2.0),
    "standard_d4as_v4": (16.0, 4.0),
}
OTHER = (14.0, 4.0)


def size(name: str) -> tuple[float, float]:
    """Gigabytes of memory and cores of a size; four cores with 14 GB for one that is not in the table."""
    return SIZES.get(name.lower(), OTHER)
