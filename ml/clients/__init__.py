"""Thin wrappers of Azure's SDKs and REST calls; nothing here knows about Pulumi."""
