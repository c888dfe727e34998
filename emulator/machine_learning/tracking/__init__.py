"""MLflow as a workspace's tracking server and model registry."""
