"""What somebody else thinks of the platform: Checkov's rules about ARM templates, over those of `make export`."""
