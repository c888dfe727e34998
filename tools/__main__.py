"""`python -m tools <verb>`: the verbs of the Makefile. A person's mistake is one message, never a traceback."""

from __future__ import annotations

import sys

import typer

from tools.commands import checks, costs, data, health, jobs, looking, personal, policies, reviewing, serving, stacks
from tools.progress import SetupError
from tools.temporary import stage_in_own_folder

application = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for group in (stacks, personal, policies, costs, reviewing, looking, serving, jobs, health, checks, data):
    application.registered_commands += group.application.registered_commands


def main() -> None:
    """Runs one verb."""
    stage_in_own_folder()
    try:
        application()
    except SetupError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
