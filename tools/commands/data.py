"""Verbs about data and packages: new, lock, lock-data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tools.commands.arguments import Given, StackOption, SystemOption, in_words
from tools.progress import SetupError
from tools.stacks import folder_name, load_stack
from tools.versions import ROOT

application = typer.Typer()


@application.command()
def new(
    system: SystemOption = "",
    kind: Annotated[str, typer.Option(envvar="KIND")] = "binary",
    data: Annotated[str, typer.Option(envvar="DATA")] = "",
    key: Annotated[str, typer.Option(envvar="KEY")] = "",
    label: Annotated[str, typer.Option(envvar="LABEL")] = "",
    stack: StackOption = "local",
) -> None:
    """Makes a system of a CSV file: reads its columns, writes a few files, takes it into the stack."""
    from tools.new import write

    needed = (Given("SYSTEM", system, "SYSTEM=churn"), Given("DATA", data, "DATA=path/to/churn.csv"))
    if missing := [one for one in needed if not one.value.strip()]:
        raise SetupError(in_words(missing))
    chosen = load_stack(stack)
    planned = write.plan(system, kind, Path(data), key=key, label=label)
    written = write.write(planned)
    write.take_in(planned, chosen)
    table = planned.table
    typer.echo(f"{len(table.features)} features, key {table.key.name}, label {table.label.name}, {table.rows} rows")
    for name, why in table.left_out.items():
        typer.echo(f"left out: {name}, {why}")
    for path in written:
        typer.echo(f"wrote {path.relative_to(ROOT)}")
    typer.echo(f"stacks/{chosen.file.name} has {planned.system} now\n\nNext: make up SYSTEM={planned.system}")


@application.command()
def lock(upgrade: Annotated[bool, typer.Option(envvar="UPGRADE")] = False) -> None:
    """Chooses package versions anew; with UPGRADE=1 the newest that pyproject.toml allows."""
    from tools.lock_files import lock as locked

    for line in locked(upgrade=upgrade):
        typer.echo(line)


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
