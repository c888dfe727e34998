"""The policy pack held to the program's own stacks, through the process that the engine starts."""
