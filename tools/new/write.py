"""Writes a new system, and takes it into a stack with the folder of its data."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tools.new.columns import read
from tools.new.texts import FILES, TASKS, New, is_name
from tools.progress import SetupError
from tools.stacks import PROJECT, Stack, folder_name
from tools.versions import ROOT

SYSTEMS = re.compile(rf"^( +){PROJECT}:systems:[^\n]*\n((?:\1 +[^\n]*\n|\1- [^\n]*\n)*)", re.MULTILINE)


def plan(system: str, kind: str, data: Path, *, key: str = "", label: str = "") -> New:
    """What is to be written.

    Raises:
        SetupError: a word is missing or wrong, or the file cannot be learnt from.
    """
    name = folder_name(system)
    if kind not in TASKS:
        raise SetupError(f"KIND={kind}: write one of {', '.join(TASKS)}")
    if not is_name(name):
        raise SetupError(f"SYSTEM={system}: write 2 to 31 small letters, digits and underscores, a letter first")
    if (ROOT / "ml" / "systems" / name).exists():
        raise SetupError(f"SYSTEM={system}: ml/systems/{name} is there already")
    table = read(data, key, label)
    column, values = table.label, len(set(table.label.values))
    if kind == "binary" and values != 2:
        raise SetupError(f"{data.name}: the label {column.name} has {values} values, yes or no has 2: another LABEL?")
    if kind == "multiclass" and not 3 <= values <= 50:
        raise SetupError(f"{data.name}: the label {column.name} has {values} values, classes are 3 to 50")
    if kind == "regression" and column.kind == "text":
        raise SetupError(f"{data.name}: the label {column.name} is no number")
    return New(name, kind, table)


def write(new: New, root: Path = ROOT) -> list[Path]:
    """Writes the files; gives them back."""
    home = root / "ml" / "systems" / new.system
    home.mkdir()
    written = [home / name for name in FILES]
    for path in written:
        path.write_text(FILES[path.name](new), encoding="utf-8")
    return written


def take_in(new: New, stack: Stack) -> None:
    """Adds the system to the stack's file, beside what is there: comments and order stay.

    Raises:
        SetupError: the file says it in a way that only a person can add to.
    """
    text = stack.file.read_text()
    found = SYSTEMS.search(text)
    before = stack.configuration()["config"].get(f"{PROJECT}:systems") or []
    names = dict.fromkeys(before, None) if isinstance(before, list) else before
    if found is None:
        raise SetupError(f"{stack.file.name} has no {PROJECT}:systems; add {new.system} to it")
    inner = f"{found[1]}  "
    listed = re.sub(rf"^{found[1]} *- *([a-z0-9_]+)", rf"{inner}\1: {{}}", found[2], flags=re.MULTILINE)
    if not found[2]:
        listed = "".join(f"{inner}{name}: {{}}\n" for name in names)
    directory = str(new.table.path.resolve().parent)
    entry = f"{inner}{new.system}: {{data: {{directory: {yaml.safe_dump(directory, width=1000).splitlines()[0]}}}}}\n"
    changed = text.replace(found[0], f"{found[1]}{PROJECT}:systems:\n{listed}{entry}")
    after = yaml.safe_load(changed)["config"][f"{PROJECT}:systems"]
    if {name: given or {} for name, given in after.items()} != {
        **{name: given or {} for name, given in names.items()},
        new.system: {"data": {"directory": directory}},
    }:
        raise SetupError(f"{stack.file.name}: add {new.system} to {PROJECT}:systems by hand, it was not understood")
    stack.file.write_text(changed)
