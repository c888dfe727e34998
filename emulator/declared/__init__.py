"""Services of which the emulator has the control plane alone: what Azure answers about them, and nothing behind it."""
