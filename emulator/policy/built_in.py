"""Azure's own definitions, from a folder on this machine: read where they lie, kept nowhere."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from policies.azure.aliases import Alias, read_csv
from policies.azure.folder import ALIASES, DEFINITIONS
from policies.initiative import initiative

FOLDERS = ("MLOPS_AZURE_POLICY_DIR", "MLOPS_DATA_DIR")
"""Variables that name the folder of definitions, and the one that it lies in as `azure-policy`."""
HINT = f"Azure's own definitions are read from a folder: start the emulator with {FOLDERS[0]}"


def folder() -> Path | None:
    """Where the definitions are; None when nobody said."""
    own, data = (os.environ.get(name) for name in FOLDERS)
    if own:
        return Path(own)
    return Path(data) / "azure-policy" if data and (Path(data) / "azure-policy").is_dir() else None


def definition(name: str) -> Mapping[str, Any] | None:
    """The document of a definition by its GUID."""
    given = folder()
    return _definitions(given).get(name.lower()) if given else None


def aliases() -> tuple[Alias, ...]:
    """The names that the folder has for properties."""
    given = folder()
    return tuple(read_csv(given / ALIASES)) if given and (given / ALIASES).is_file() else ()


@cache
def audited() -> frozenset[str]:
    """Definitions that are known to be Azure's, and to stop no request with the values that they have by themselves:
    they list what does not comply. By GUID; nothing else need be known of them here.
    """
    return frozenset(str(one["policyDefinitionId"]).rsplit("/", 1)[-1] for one in initiative()["policyDefinitions"])


@cache
def _definitions(given: Path) -> Mapping[str, Mapping[str, Any]]:
    files = sorted((given / DEFINITIONS).rglob("*.json"))
    documents = (json.loads(file.read_text(encoding="utf-8-sig")) for file in files)
    return {str(document.get("name", "")).lower(): document for document in documents}
