"""Definitions from a folder: Azure's own ones as `index.csv`, `aliases.csv` and `policyDefinitions/` lay them out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from policies.azure.aliases import Aliases, read_csv
from policies.azure.assignment import Assigned
from policies.azure.definition import Definition, read_definition
from policies.azure.errors import DefinitionsError, UnknownConstructError
from policies.azure.judging import Policies

ALIASES = "aliases.csv"
DEFINITIONS = "policyDefinitions"


def read_folder(folder: Path) -> Policies:
    """Every definition of a folder, as if it were assigned everywhere with the default values of its parameters.

    Raises:
        DefinitionsError: there is nothing of the kind in the folder; or a file cannot be read.
    """
    files = sorted((folder / DEFINITIONS).rglob("*.json"))
    if not files or not (folder / ALIASES).is_file():
        raise DefinitionsError(
            f"{folder}: a folder of definitions has {ALIASES} and {DEFINITIONS}/**/*.json; name one with DEFINITIONS="
        )
    aliases = read_csv(folder / ALIASES)
    return Policies(tuple(Assigned(one) for one in _definitions(files, aliases)), aliases)


def _definitions(files: Iterable[Path], aliases: Aliases) -> Iterable[Definition]:
    for file in files:
        try:
            yield read_definition(json.loads(file.read_text(encoding="utf-8-sig")), aliases)
        except (ValueError, UnknownConstructError) as error:
            raise DefinitionsError(f"{file}: {error}") from None
