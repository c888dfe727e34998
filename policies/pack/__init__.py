"""The pack: what the engine starts. Needs pulumi-policy, which is in its own virtual environment."""
