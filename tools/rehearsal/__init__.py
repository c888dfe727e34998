"""BASE brought up for real on an emulator of its own, then the change, while clients ask: `make review REHEARSE=1`."""
