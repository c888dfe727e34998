"""Containers: what runs images (or plain commands) for container instances and online endpoints."""
