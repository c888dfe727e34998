"""Definitions from a folder: `policyDefinitions/`, with the aliases in `aliases.csv`; and what is assigned, where the
folder has `policyAssignments/` too.
"""

from __future__ import annotations

import json
from pathlib import Path

from policies.azure.aliases import Aliases, read_csv
from policies.azure.assembly import Document, Documents, assemble
from policies.azure.assignment import Assigned
from policies.azure.definition import Definition, read_definition
from policies.azure.errors import DefinitionsError, UnknownConstructError
from policies.azure.judging import Policies

ALIASES = "aliases.csv"
DEFINITIONS = "policyDefinitions"


def read_folder(folder: Path) -> Policies:
    """The assignments of a folder; without any, every definition as if it were assigned everywhere with the default
    values of its parameters.

    Raises:
        DefinitionsError: there is nothing of the kind in the folder; or a file cannot be read.
    """
    files = sorted((folder / DEFINITIONS).rglob("*.json"))
    if not files or not (folder / ALIASES).is_file():
        raise DefinitionsError(
            f"{folder}: a folder of definitions has {ALIASES} and {DEFINITIONS}/**/*.json; name one with DEFINITIONS="
        )
    aliases = read_csv(folder / ALIASES)
    assignments = documents(folder, "policyAssignments")
    if not assignments:
        return Policies(tuple(Assigned(_definition(file, aliases)) for file in files), aliases)
    exemptions = list(documents(folder, "policyExemptions").values())
    sets = documents(folder, "policySetDefinitions")
    return assemble(Documents(list(assignments.values()), documents(folder, DEFINITIONS), sets, exemptions), aliases)


def documents(folder: Path, kind: str) -> dict[str, Document]:
    """The documents of one kind, by their ids in lower case."""
    found = (_read(file) for file in sorted((folder / kind).rglob("*.json")))
    return {str(document["id"]).lower(): document for document in found}


def _read(file: Path) -> Document:
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise DefinitionsError(f"{file}: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("properties"), dict) or "id" not in document:
        raise DefinitionsError(f"{file}: it has no id or no properties; files are as the policy API answers (az rest)")
    return document


def _definition(file: Path, aliases: Aliases) -> Definition:
    try:
        return read_definition(_read(file), aliases)
    except UnknownConstructError as error:
        raise DefinitionsError(f"{file}: {error}") from None
