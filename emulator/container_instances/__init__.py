"""Container Instances: groups of containers with an address of their own."""
