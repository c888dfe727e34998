"""What people and CI run: set-up, the engine, everyday verbs. `make help` lists them."""
