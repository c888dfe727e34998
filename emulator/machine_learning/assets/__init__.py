"""Assets of a workspace: containers and versions of code, data, environments, models and components."""
