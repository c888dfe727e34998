"""Copies the files of a registered model from one workspace's storage to another's, checked on both sides.

A copy of files, and no asset of an Azure ML registry: gate and staging read the files from the workspace's own storage,
a registry would add some 50 USD a month, and it does not say whether what arrives is what was evaluated.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from ml.clients.datastore import Folder, folder_uri
from ml.clients.models import FILE, ModelRecord
from ml.clients.workspace import Workspace
from ml.jobs.trained_model import differs, whole_provenance
from ml.progress import Failure, status
from ml.promotion.source import Source


def copy_uri(system: str, source: Source) -> str:
    """Where the files of a promoted version lie in the workspace that it is promoted to."""
    return folder_uri(f"systems/{system}/promoted/{source.stack}-{source.version}-{source.sha256[:12]}")


def ensure_copy(source: Source, found: ModelRecord, workspace: Workspace, system: str) -> str:
    """Copies the files unless they are there; the URI of their folder.

    Raises:
        Failure: a file, on this side or on the other, is not the one that was evaluated there.
    """
    uri = copy_uri(system, source)
    if is_whole(workspace, uri, source.sha256):
        status(f"adopting the copy of {source.name}")
        return uri
    with tempfile.TemporaryDirectory() as temporary:
        status(f"copying {source.name}")
        files = Folder(source.workspace, found.uri).download(Path(temporary, "model"))
        check(files, found.uri, source)
        Folder(workspace, uri).upload(files)
    try:
        whole_provenance(workspace, uri, {FILE: source.sha256})
    except ValueError as error:
        raise Failure(f"{error}: nothing of {source.name} is promoted") from None
    return uri


def is_whole(workspace: Workspace, uri: str, sha256: str) -> bool:
    """Whether a copy is there, each file as its training recorded it, and the model with this digest."""
    try:
        whole_provenance(workspace, uri, {FILE: sha256})
    except ValueError:
        return False
    return True


def check(files: Path, uri: str, source: Source) -> None:
    """Compares what was downloaded with what the other stack's gate has evaluated.

    Raises:
        Failure: somebody changed the model, or it is gone.
    """
    stored = None
    if (files / FILE).is_file():
        with (files / FILE).open("rb") as content:
            stored = hashlib.file_digest(content, "sha256").hexdigest()
    if stored != source.sha256:
        raise Failure(f"{differs(uri + FILE, stored, source.sha256)}: nothing of {source.name} is promoted")
