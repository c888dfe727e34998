"""What a person sees of Pulumi at work: our own picture of the engine's events, in a terminal and in a log."""
