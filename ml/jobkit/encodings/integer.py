"""A whole number: one column, as it is."""

from __future__ import annotations

from ml.jobkit.encodings.number import check, matrix, nodes, tensor, values

__all__ = ["check", "matrix", "nodes", "tensor", "values"]
