"""`python -m emulator start|stop|status|logs|reset|env`."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from pathlib import Path
from typing import Annotated

import typer

from emulator.settings import default_state
from emulator.supervisor import EmulatorError, Supervisor

application = typer.Typer(help="Azure's endpoints on this machine.", no_args_is_help=True, add_completion=False)
StateOption = Annotated[
    Path, typer.Option(default_factory=default_state, help="Folder that holds everything the emulator keeps.")
]


@application.command()
def start(state: StateOption) -> None:
    """Starts the emulator; does nothing when it runs."""
    begin = time.monotonic()
    status, started = Supervisor(state).start()
    word = f"ready in {time.monotonic() - begin:.1f} s" if started else "runs already"
    typer.echo(f"emulator {word}: {status.settings.base_url} (process {status.handle.pid})")


@application.command()
def stop(state: StateOption) -> None:
    """Stops the emulator; running jobs go on and are taken up again at the next start."""
    typer.echo("emulator stopped" if Supervisor(state).stop() else "emulator was not running")


@application.command()
def status(state: StateOption) -> None:
    """Says whether the emulator runs, where, and what memory it uses; exit code 1 when it does not run."""
    found = Supervisor(state).status()
    if found is None:
        typer.echo("emulator is not running; `make up` or `.venv/bin/python -m emulator start` starts it")
        raise typer.Exit(1)
    where = f"{found.settings.base_url} and {found.settings.http_url}"
    typer.echo(
        f"emulator answers on {where} (process {found.handle.pid}, {found.resident_bytes / 1e6:.0f} MB resident)"
    )
    for remark in found.remarks:
        typer.echo(remark)


@application.command()
def logs(state: StateOption, follow: Annotated[bool, typer.Option("--follow", "-f")] = False, lines: int = 50) -> None:
    """Prints the end of the emulator's log."""
    log = Supervisor(state).settings().log
    if not log.exists():
        raise EmulatorError(f"There is no log yet at {log}: the emulator has not been started.")
    subprocess.run(["tail", "-n", str(lines), *(["-f"] if follow else []), str(log)], check=False)


@application.command()
def reset(state: StateOption) -> None:
    """Stops the emulator and its jobs and removes everything it kept."""
    Supervisor(state).reset()
    typer.echo(f"removed {state}")


@application.command()
def env(state: StateOption, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Prints what a program needs to find this emulator, as shell exports or JSON."""
    values = Supervisor(state).environment()
    if as_json:
        typer.echo(json.dumps(values))
        return
    for name, value in values.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def main() -> None:
    """The command; a person's mistake is one line, not a traceback."""
    try:
        application()
    except EmulatorError as error:
        typer.echo(f"emulator: {error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
