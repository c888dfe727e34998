"""What keeps a server from starting is said in one line, with the fix, and its exit code tells it apart."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.scoring.errors import StartError
from ml.scoring.settings import Settings
from tests.unit.scoring.models import write_identity
from tests.unit.scoring.running import SECONDS, serving, start

Change = Callable[[Path], object]


def changed(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = folder.joinpath(name).read_text()
        assert old in text
        folder.joinpath(name).write_text(text.replace(old, new))

    return change


def other_bytes(folder: Path) -> None:
    """A registry entry that somebody has tampered with."""
    content = bytearray(folder.joinpath("model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    folder.joinpath("model.onnx").write_bytes(content)


def not_a_model(folder: Path) -> None:
    folder.joinpath("model.onnx").write_bytes(b"no model")
    write_identity(folder, hashlib.sha256(b"no model").hexdigest())


def wrong_answer(folder: Path) -> None:
    golden = json.loads(folder.joinpath("golden.json").read_text())
    golden["cases"][3]["probability"] += 0.001
    folder.joinpath("golden.json").write_text(json.dumps(golden))


CASES: dict[str, tuple[Change, tuple[str, ...]]] = {
    "no folder": (shutil.rmtree, ("golden.json", "No such file")),
    "no model": (lambda folder: folder.joinpath("model.onnx").unlink(), ("model.onnx", "MODEL_DIR")),
    "no features": (lambda folder: folder.joinpath("features.yaml").unlink(), ("features.yaml",)),
    "no golden requests": (lambda folder: folder.joinpath("golden.json").unlink(), ("golden.json",)),
    "no identity": (lambda folder: folder.joinpath("model.json").unlink(), ("model.json",)),
    "tampered model": (other_bytes, ("sha256", "not the model that was evaluated")),
    "not a model": (not_a_model, ("model.onnx", "onnxruntime")),
    "identity is no JSON": (lambda folder: folder.joinpath("model.json").write_text("{"), ("model.json",)),
    "identity is incomplete": (changed("model.json", '"version": 3', '"number": 3'), ("model.json", "version")),
    "features are no YAML": (changed("features.yaml", "as_of:", "as_of: ["), ("features.yaml", "YAML")),
    "a rule misspelt": (changed("features.yaml", "unknown: zeros", "unknown: zeroes"), ("unknown", "zeroes", "reject")),
    "a feature renamed": (changed("features.yaml", "name: Age", "name: Years"), ("disagree", "Age, Years")),
    "other categories": (changed("features.yaml", "[M, S]", "[S, M]"), ("another features.yaml",)),
    "a wrong golden answer": (wrong_answer, ("golden request 3", "probability", "expected")),
    "golden requests are refused": (changed("golden.json", '"Age"', '"age"'), ("golden request 0", "age")),
    "no golden cases": (
        lambda folder: folder.joinpath("golden.json").write_text('{"tolerance": 1, "cases": []}'),
        ("golden.json", "cases"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_model_folder(model: Path, tmp_path: Path, name: str) -> None:
    change, words = CASES[name]
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    change(folder)
    assert_refused(folder, tmp_path / "log", *words)


def assert_refused(folder: Path, log: Path, *words: str, **settings: object) -> None:
    scoring = start(folder, log, **settings)
    assert scoring.process.wait(SECONDS) == 2
    last = scoring.lines()[-1]
    assert (last["level"], last["message"]) == ("critical", "cannot start")
    for word in words:
        assert word in last["error"]
    assert "Traceback" not in log.read_text()
    assert "ready" not in [line["message"] for line in scoring.lines()]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_port_is_in_use(model: Path, tmp_path: Path, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_refused(model, tmp_path / "log", "PORT", str(port), "in use", port=port, workers=workers)


def test_another_server_of_ours_has_the_port(model: Path, tmp_path: Path) -> None:
    """Workers share a port; two servers must not."""
    with serving(model, tmp_path / "first", workers=2) as first:
        assert_refused(model, tmp_path / "log", "in use", port=first.port, workers=2)
        first.assert_alive()


def test_a_connection_string_that_is_none(model: Path, tmp_path: Path) -> None:
    assert_refused(
        model,
        tmp_path / "log",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        applicationinsights_connection_string="nonsense",
    )


SETTINGS = {
    "PORT": ("many", "70000", "-1"),
    "WORKERS": ("0", "1.5"),
    "SCORING_THREAD": ("sometimes",),
    "SCORING_KEY": ("schlüssel",),
    "SCORING_SECONDS": ("0", "-1", "inf", "nan", "soon"),
    "MAX_ROWS": ("0", "all"),
}


@pytest.mark.parametrize(("variable", "value"), [(one, value) for one, values in SETTINGS.items() for value in values])
def test_a_bad_setting_is_named(variable: str, value: str) -> None:
    with pytest.raises(StartError, match=variable) as raised:
        Settings.from_environment({variable: value})
    assert value in str(raised.value) or variable == "SCORING_KEY"
    assert "schlüssel" not in str(raised.value)


def test_settings_are_read_from_the_environment() -> None:
    given = Settings.from_environment(
        {"PORT": "0", "MODEL_DIR": "/m", "LINGER_SECONDS": "0", "SCORING_KEY": " k ", "X": ""}
    )
    assert given == Settings(port=0, model_dir=Path("/m"), linger_seconds=0, scoring_key="k")
    assert "k" not in repr(given).partition("scoring_key")[2][:3]
    assert Settings.from_environment({"PORT": ""}) == Settings()


def test_it_is_ready_soon(model: Path, tmp_path: Path) -> None:
    """Figures are the benchmark's; this catches an import that does not belong here."""
    with serving(model, tmp_path / "log") as scoring:
        assert scoring.said("ready")["seconds"] < 5
