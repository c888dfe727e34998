"""What the emulator and the tools both need of this machine; the standard library is enough for it."""
