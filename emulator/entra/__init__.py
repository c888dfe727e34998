"""Entra ID: OpenID metadata, signed tokens, managed identity."""
