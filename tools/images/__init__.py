"""The programs behind the emulator's container registry: found on this machine, or built from Go modules."""
