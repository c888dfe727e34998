"""The ONNX scoring server: `python -m ml.scoring` serves the model folder that `MODEL_DIR` names.

It runs in images and edge modules, so it imports nothing but what `ml/environments/scoring.lock.txt` pins.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # the runtime reports to its maker unless this is set before its import

VERSION = "1.0"
"""Of the server's own contract: routes, headers, errors. Sent as `x-ms-server-version`."""
