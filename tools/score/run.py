"""From a file to answers: which types its columns have, whom to ask, and where the answers go."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import typer
from rich.console import Console

from ml.clients.datastore import Folder
from ml.clients.errors import CloudError
from ml.clients.models import Models
from ml.jobkit import features
from ml.jobkit.errors import JobError
from tools import words
from tools.deployed_system import DeployedSystem
from tools.progress import SetupError
from tools.score.ask import Answers, ask
from tools.score.rows import Question, read_csv, read_json, write_csv
from tools.versions import ROOT

KINDS = (".json", ".csv")


def run(system: DeployedSystem, file: str, out: str, console: Console) -> None:
    """Does it: answers go to `out` or to stdout, words about them to the console.

    Raises:
        SetupError: the file cannot be used, or the endpoint refuses a row.
    """
    path = Path(file)
    if path.suffix.lower() not in KINDS:
        raise SetupError(f"FILE={file}: write the name of a {' or a '.join(KINDS)} file")
    if path.suffix.lower() == ".csv":
        table = read_csv(path, specification(system))
        if table.ignored:
            console.print(f"ignored, for they are no features: {', '.join(table.ignored)}", markup=False)
        answers = asked(system, Question(table.rows), table.place, console)
        text = write_csv(table, answers.results)
    else:
        answers = asked(system, read_json(path), "data[{}]".format, console)
        text = to_json(answers)
    deliver(text, out, console)
    by = ", ".join(
        f"version {version}: {words.count(rows, 'row')}" for version, rows in sorted(answers.versions.items())
    )
    console.print(f"{answers.model} answered, {by}", markup=False)
    for warning in answers.warnings:
        console.print(f"warning: {warning}", markup=False)


def asked(system: DeployedSystem, question: Question, place: Callable[[int], str], console: Console) -> Answers:
    """The answers of the system's endpoint."""
    client, endpoint = system.online()
    return ask(endpoint.scoring_uri, client.key(), question, place, lambda text: console.print(text, markup=False))


def specification(system: DeployedSystem) -> features.Specification:
    """What the champion knows of a row: the `features.yaml` it was trained with, else that of this checkout.

    Raises:
        SetupError: neither can be used.
    """
    content = champions_features(system)
    try:
        if content is None:
            return features.load(ROOT / "ml" / "systems" / system.name / features.FILE)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, features.FILE)
            path.write_bytes(content)
            return features.load(path)
    except JobError as error:
        raise SetupError(str(error)) from None


def champions_features(system: DeployedSystem) -> bytes | None:
    """The champion's file; None when it cannot be read, as by somebody who may ask the endpoint and nothing else."""
    models = Models(system.workspace, system.model)
    try:
        version = models.champion()
        return Folder(system.workspace, models.required(version).uri).read(features.FILE) if version else None
    except CloudError:
        return None


def to_json(answers: Answers) -> str:
    """The answers as an endpoint gives them to one request; where versions shared the rows, each row names its own."""
    if len(answers.versions) == 1:
        results = [{name: value for name, value in row.items() if name != "version"} for row in answers.results]
        document = {"result": results, "model": answers.model, "version": next(iter(answers.versions))}
    else:
        document = {"result": answers.results, "model": answers.model}
    if answers.listed is not None:
        document["warnings"] = answers.listed
    return json.dumps(document, indent=1) + "\n"


def deliver(text: str, out: str, console: Console) -> None:
    """Writes the answers to the file, or to stdout where none is named.

    Raises:
        SetupError: the file cannot be written.
    """
    if not out:
        typer.echo(text, nl=False)
        return
    try:
        Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise SetupError(f"OUT={out} cannot be written: {error.strerror}") from None
    console.print(f"written to {out}", markup=False)
