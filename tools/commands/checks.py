"""Verbs that judge the code: lint, test, bench."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from tools.progress import SetupError
from tools.shell import engine_folder
from tools.versions import ROOT
from tools.virtualenv import uv_variables

application = typer.Typer()
TYPED = ("tools", "emulator", "infra", "ml", "policies", "review", "tests", "benchmarks", "__main__.py")
LINTS = (
    ("ruff check", ("-m", "ruff", "check", "--quiet")),
    ("ruff format", ("-m", "ruff", "format", "--check", "--quiet")),
    ("mypy --strict", ("-m", "mypy", "--no-error-summary")),
)
SIDE_BY_SIDE = ("-n", "2", "--dist", "loadfile")
"""Workers for all tests; tests/side_by_side.py says which test runs in which."""


def _environment() -> dict[str, str]:
    path = f"{engine_folder()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "ORT_DISABLE_TELEMETRY": "1", **uv_variables()}


def _python(*words: str) -> int:
    return subprocess.run([sys.executable, *words], cwd=ROOT, env=_environment(), check=False).returncode


def run_lint(only: Sequence[str] = ()) -> bool:
    """Style, imports and types of the whole project, or of these files and folders."""
    typed = [name for name in TYPED if (ROOT / name).exists()]
    failed = []
    for name, words in LINTS:
        typer.echo(f"{name} …")
        if _python(*words, *(only or (typed if "mypy" in words else ["."]))):
            failed.append(name)
    typer.echo(f"lint: {', '.join(failed)} found something to do" if failed else "lint: all clean")
    return not failed


def _named(words: Sequence[str]) -> bool:
    """Whether words for pytest name files or folders of tests, instead of all."""
    return any((ROOT / word.partition("::")[0]).exists() for word in words)


@application.command()
def lint(only: Annotated[list[str] | None, typer.Argument(help="Files and folders instead of all.")] = None) -> None:
    """Style, format and types."""
    if missing := [name for name in only or () if not (ROOT / name).exists()]:
        raise SetupError(f"ARGS={' '.join(only or ())}: there is no {', '.join(missing)} in this checkout")
    raise typer.Exit(0 if run_lint(only or ()) else 1)


@application.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Lint, then every test that a machine without an account can run; further words go to pytest. Where these name
    tests, those files are linted alone.
    """
    clean = run_lint([file for file, _, _ in (word.partition("::") for word in context.args) if (ROOT / file).exists()])
    if not clean:
        typer.echo("The tests run all the same; this command fails because of lint.")
    code = _python("-m", "pytest", *([] if _named(context.args) else SIDE_BY_SIDE), *context.args)
    raise typer.Exit(code or (0 if clean else 1))


@application.command("test-long", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test_long(context: typer.Context) -> None:
    """What takes hours by nature: kill grids, fuzz, hundreds of configurations; further words go to pytest."""
    raise typer.Exit(
        _python("-m", "pytest", "-m", "long", *([] if _named(context.args) else SIDE_BY_SIDE), *context.args)
    )


@application.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def mutants(context: typer.Context) -> None:
    """Puts committed defects in, one after the other: the test named beside each must fail."""
    raise typer.Exit(_python("-m", "tests.mutants", *context.args))


@application.command()
def bench() -> None:
    """Measures how fast the emulator and an `up` are; benchmarks/ says what each figure means."""
    if not (ROOT / "benchmarks" / "__main__.py").exists():
        raise SetupError("benchmarks/ has nothing to run")
    raise typer.Exit(_python("-m", "benchmarks"))
