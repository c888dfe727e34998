"""Generates the table of resource types from pinned packages."""
