"""Writes the table of resource types: `python -m tools.resource_types [--check]`."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path

from emulator.resource_types.table import TABLE_FILE
from tools.progress import SetupError
from tools.resource_types.builder import UnplacedInputError
from tools.resource_types.generator import generate


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tools.resource_types", description=__doc__)
    arguments.add_argument(
        "--check", action="store_true", help="fail if the committed table is not what would be written"
    )
    arguments.add_argument(
        "--output", type=Path, default=TABLE_FILE, help="where to write (default: the committed table)"
    )
    options = arguments.parse_args()
    gc.disable()  # a few large syntax trees: collecting while they grow doubles the time
    try:
        generated = generate()
    except (SetupError, LookupError, UnplacedInputError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for note in generated.notes:
        print(note)
    text = generated.document.text()
    if options.check:
        return _check(text)
    options.output.write_text(text)
    print(f"{options.output}: {len(generated.document.resources)} resource types, {len(text.encode()) // 1024} KiB")
    return 0


def _check(text: str) -> int:
    if TABLE_FILE.exists() and TABLE_FILE.read_text() == text:
        return 0
    print(f"error: {TABLE_FILE.name} is out of date: run `python -m tools.resource_types`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
