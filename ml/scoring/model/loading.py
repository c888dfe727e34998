"""The model: loaded from its folder, checked against the files beside it, and run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import onnxruntime

from ml.jobkit.features import Specification, load
from ml.scoring.errors import StartError
from ml.scoring.records import ModelIdentity

if TYPE_CHECKING:
    import numpy.typing as npt

    Columns = list[list[Any]]

FATAL = 4
KINDS = {"tensor(string)": "text", "tensor(float)": "number"}


class Model:
    """A loaded model. `run` may be called from several threads."""

    def __init__(
        self,
        identity: ModelIdentity,
        specification: Specification,
        session: Any,
        answer: Mapping[str, Any] | None = None,
    ) -> None:
        self.identity = identity
        self.specification = specification
        self.session = session
        self.answer = answer or {}
        """JSON schema of each output, by its name, as far as the model's contract states it."""
        self.outputs: list[str] = [output.name for output in session.get_outputs()]

    def run(self, arrays: Mapping[str, npt.NDArray[Any]], rows: int, options: Any = None) -> Columns:
        """Values of each output, in the order of `outputs`, one for each row.

        Args:
            arrays: the values of each input, see `Feeds`.
            rows: how many values each of them has.
            options: an `onnxruntime.RunOptions`; setting its `terminate` ends the call with an error.
        """
        return [_values(found, rows) for found in self.session.run(self.outputs, arrays, options)]


def _values(found: npt.NDArray[Any], rows: int) -> list[Any]:
    """One value for each row, or a list of values where the output has two dimensions."""
    if found.size != rows and (found.ndim != 2 or len(found) != rows):
        raise ValueError(f"an output has the shape {found.shape} for {rows} rows; each row must have its own values")
    values: list[Any] = (found.reshape(rows) if found.size == rows else found).tolist()
    return values


def load_model(folder: Path) -> Model:
    """Load what a model folder holds.

    Raises:
        StartError: a file is missing, or two of them do not belong together.
        ml.jobkit.errors.JobError: `features.yaml` has a mistake.
    """
    content = _read(folder / "model.onnx")
    identity = _identity(folder / "model.json", hashlib.sha256(content).hexdigest())
    _read(folder / "features.yaml")
    specification = load(folder / "features.yaml")
    session = _session(content, folder / "model.onnx")
    _check_graph(session, specification)
    return Model(identity, specification, session, _answer(folder / "contract.json", session))


def _answer(path: Path, session: Any) -> dict[str, Any]:
    """What the training job states of the outputs (`ml/jobkit/tasks/contract.py`); earlier models state nothing."""
    if not path.is_file():
        return {}
    try:
        answer: dict[str, Any] = msgspec.json.decode(_read(path))["answer"]
        stated = set(answer)
    except (msgspec.MsgspecError, LookupError, TypeError) as error:
        raise StartError(f"{path} is not what a training job writes: {error!r}") from None
    if stated != (given := {one.name for one in session.get_outputs()}):
        raise StartError(
            f"model.onnx answers with {', '.join(sorted(given))} and {path.name} states {', '.join(sorted(stated))}; "
            "both must come from one training job"
        )
    return answer


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartError(
            f"{path} cannot be read ({error.strerror}); MODEL_DIR must name a folder with a model's files"
        ) from None


def _identity(path: Path, sha256: str) -> ModelIdentity:
    try:
        identity = msgspec.json.decode(_read(path), type=ModelIdentity)
    except msgspec.MsgspecError as error:
        raise StartError(f"{path} does not describe a model: {error}") from None
    if identity.sha256 != sha256:
        raise StartError(
            f"model.onnx has the sha256 {sha256}, {path} states {identity.sha256}: this is not the model that was "
            "evaluated; build the image again from the registered model"
        )
    return identity


def _session(content: bytes, path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = FATAL  # errors come as exceptions, and are logged in our form
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's errors have no common base of their own
        raise StartError(f"{path} is not a model that onnxruntime {onnxruntime.__version__} loads: {error}") from None


def _check_graph(session: Any, specification: Specification) -> None:
    """The graph must take exactly the features that requests are checked against."""
    taken = {one.name: KINDS.get(one.type, one.type) for one in session.get_inputs()}
    wanted = {one.name: "text" if one.is_text else "number" for one in specification.features}
    if taken != wanted:
        different = sorted(name for name in taken | wanted if taken.get(name) != wanted.get(name))
        raise StartError(
            f"model.onnx and features.yaml disagree about {', '.join(different)}; both must come from one training job"
        )
    stated = session.get_modelmeta().custom_metadata_map.get("features_sha256")
    if stated not in (None, specification.digest):
        raise StartError(
            f"model.onnx was trained with another features.yaml (digest {stated}, this one {specification.digest}); "
            "both must come from one training job"
        )
