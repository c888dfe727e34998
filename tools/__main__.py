"""`python -m tools <verb>`: the verbs of the Makefile. A person's mistake is one message, never a traceback."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

import typer

from tools.progress import SetupError
from tools.temporary import stage_in_own_folder

COMMANDS = Path(__file__).with_name("commands")
DECLARED = re.compile(r'^@application\.command\((?:"([a-z-]+)")?.*\)\ndef (\w+)\(', re.MULTILINE)


def verbs() -> dict[str, str]:
    """Every verb and the module of `tools/commands` that has it, read without importing them."""
    return {
        name or function.replace("_", "-"): path.stem
        for path in sorted(COMMANDS.glob("*.py"))
        for name, function in DECLARED.findall(path.read_text())
    }


def application(verb: str = "") -> typer.Typer:
    """The command line with the module that has a verb, or with all verbs when it is none: to import what all of them
    need takes longer than most of them do.
    """
    known = verbs()
    made = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    made.callback()(lambda: None)  # with a single verb typer would not take its name
    for module in sorted({known[verb]} if verb in known else {*known.values()}):
        made.registered_commands += import_module(f"tools.commands.{module}").application.registered_commands
    return made


def main() -> None:
    """Runs one verb."""
    stage_in_own_folder()
    try:
        application(*sys.argv[1:2])()
    except SetupError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
