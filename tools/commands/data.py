"""Verbs about data: lock-data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tools.progress import SetupError
from tools.stacks import folder_name
from tools.versions import ROOT

application = typer.Typer()


@application.command("lock-data")
def lock_data(system: Annotated[str, typer.Argument(help="A system of ml/systems/.")] = "bike_buyer") -> None:
    """Records digests, rows and columns of a system's real data in its data.lock; commit the file."""
    from ml.data import check, contract
    from ml.data.source import VARIABLE, DataSourceError, real_source, write_record

    name = folder_name(system)
    if not ROOT.joinpath("ml", "systems", name, "system.py").is_file():
        raise SetupError(f"SYSTEM={system}: there is no ml/systems/{name}/system.py")
    folder = os.environ.get(VARIABLE)
    if not folder:
        raise SetupError(f"{VARIABLE} is not set: set it to the folder with the real data of {name}")
    home = ROOT / "ml" / "systems" / name
    described = contract.load(home)
    try:
        source = real_source(Path(folder), described.names)
    except DataSourceError as error:
        raise SetupError(str(error)) from None
    if source.kind != "real":
        raise SetupError(f"{folder} holds generated data; a data.lock records real data")
    if wrong := check.problems(described, Path(folder)):
        raise SetupError("\n".join([f"the data in {folder} cannot be used:", *(f"  - {line}" for line in wrong)]))
    record = home / "data.lock"
    write_record(record, source)
    typer.echo(f"{record.relative_to(ROOT)}: {', '.join(f'{name} {rows} rows' for name, rows in source.rows.items())}")
