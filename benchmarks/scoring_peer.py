"""The scoring script for azureml-inference-server-http: the same model, the same requests and answers as ours.

It runs in an environment of its own, which has that server, onnxruntime and numpy. It does what such scripts do: it
reads the rows and checks nothing, which is less work than our server's.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

session: Any = None
identity: dict[str, Any] = {}


def init() -> None:
    """Called once in each worker."""
    global session, identity
    folder = Path(os.environ["MODEL_DIR"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    identity = json.loads(folder.joinpath("model.json").read_text())


def run(body: str) -> dict[str, Any]:
    """Called for each request."""
    rows = json.loads(body)["data"]
    feed = {
        one.name: np.array(
            [row[one.name] for row in rows], dtype=object if one.type == "tensor(string)" else np.float32
        ).reshape(-1, 1)
        for one in session.get_inputs()
    }
    names = [one.name for one in session.get_outputs()]
    columns = [column.tolist() for column in session.run(names, feed)]
    result = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    return {"result": result, "model": identity["name"], "version": identity["version"]}
