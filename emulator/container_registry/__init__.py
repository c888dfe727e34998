"""Azure Container Registry: a real registry behind Azure's tokens, imports, and builds of Dockerfiles without RUN."""
