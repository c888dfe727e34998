"""The ONNX scoring server: `python -m ml.scoring` serves the model folder that `MODEL_DIR` names.

It runs in images and edge modules, so it imports nothing but what `ml/environments/scoring.lock.txt` pins.
"""

VERSION = "1.0"
"""Of the server's own contract: routes, headers, errors. Sent as `x-ms-server-version`."""
