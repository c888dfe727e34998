"""The Azure platform: one service a file, composed by `platform.py`."""
