"""What `make up` shows at the end: each system with the model that serves, its figures, and how to ask it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tools.stacks import DEFAULT, Stack
from tools.versions import ROOT

FIGURES = 3
MOST_ASKED = ("auc", "accuracy", "f1", "rmse", "mape", "log_loss")
"""Figures shown first, whichever of them a model has."""


def figure(value: object) -> str:
    """A figure with three decimals; anything else as it is."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def figures(output: Mapping[str, Any]) -> str:
    """`auc 0.861  accuracy 0.790`: the model's figures on the holdout set, `-` when there are none yet."""
    model = output.get("model") or {}
    metrics = (model.get("metrics") if isinstance(model, Mapping) else None) or {}
    return "\n".join(in_words(metrics)) or "-"


def in_words(metrics: Mapping[str, object]) -> list[str]:
    """`auc 0.861`, `accuracy 0.790`: those most asked for first, three at most."""
    order = [name for name in MOST_ASKED if name in metrics]
    order += [name for name in metrics if name not in order]
    return [f"{name} {figure(metrics[name])}" for name in order[:FIGURES]]


def data_source(output: Mapping[str, Any]) -> str:
    """`real, 14841 + 7308 rows` (by file) or `generated, …`; `-` when the output does not say."""
    data = output.get("data") or {}
    if not isinstance(data, Mapping):
        return "-"
    given = data.get("rows")
    counts = list(given.values()) if isinstance(given, Mapping) else [given]
    rows = " + ".join(f"{int(count)}" for count in counts if isinstance(count, (int, float)))
    rows = f"{rows} rows" if rows else ""
    return ", ".join(part for part in (str(data.get("source") or ""), rows) if part) or "-"


def system_outputs(outputs: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The outputs that describe a system, by name."""
    return {
        name: value
        for name, value in sorted(outputs.items())
        if isinstance(value, Mapping) and ("job" in value or "model" in value)
    }


def last_known(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """A system's outputs; where a step failed, those from before this `up`, which still hold: what serves stays."""
    return {
        name: before.get(name) if gone(now.get(name), before.get(name)) else now.get(name) for name in {**now, **before}
    }


def gone(now: Any, before: Any) -> bool:
    """Whether an output, or a part of it, was there before and is not any more."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return any(gone(now.get(name), value) for name, value in before.items())
    return now is None and before is not None


def table(outputs: Mapping[str, Mapping[str, Any]]) -> Table:
    """One row a system; keys that are missing show as `-`."""
    shown = Table(title="Systems", title_justify="left", show_lines=True)
    for heading in ("system", "cloud", "data", "champion", "figures on the holdout set"):
        shown.add_column(heading, overflow="fold")
    for name, output in outputs.items():
        shown.add_row(name, str(output.get("cloud") or "-"), data_source(output), champion(output), figures(output))
    return shown


def champion(output: Mapping[str, Any]) -> str:
    """The version that serves and its file: `bike-buyer 3`, `-` while none serves."""
    model = output.get("model") or {}
    if not isinstance(model, Mapping) or not model.get("version"):
        return "-"
    return f"{model.get('name', '')} {int(model['version'])}\nsha256 {str(model.get('sha256', ''))[:12]}"


def request_line(stack: Stack, name: str, output: Mapping[str, Any], authority: Path | None) -> str | None:
    """A line that asks the service when pasted into a shell in the checkout; None while there is no service.

    The key goes through a pipe: every user of the machine can read the arguments of a program.

    Args:
        authority: the certificate of a cloud that the system does not know.
    """
    uri, body = output.get("scoringUri"), f"ml/systems/{name}/request.json"
    if not uri or not (ROOT / body).exists():
        return None
    trusted = f"--cacert {os.path.relpath(authority, ROOT)} " if authority else ""
    named = " ".join([*of_stack(stack), f"SYSTEM={name.replace('_', '-')}"])
    key = f"printf 'Authorization: Bearer %s' \"$(make -s key {named})\""
    return f'{key} | curl {trusted}-H @- -H "Content-Type: application/json" -d @{body} {uri}'


def of_stack(stack: Stack) -> list[str]:
    """How a verb is told the stack: not at all when it is the one that is meant without."""
    return [] if stack.name == DEFAULT else [f"STACK={stack.name}"]


def in_shell(stack: Stack, command: str) -> str:
    """A line that runs a command of Pulumi's on a stack, from wherever it is pasted in the checkout."""
    return f'eval "$(make -s env STACK={stack.name})" && {command}'


def next_commands(stack: Stack) -> list[str]:
    """What a person usually does next."""
    return [
        f'eval "$(make -s env STACK={stack.name})"   a shell for this stack, for pulumi and Azure\'s tools',
        f"make runs STACK={stack.name} SYSTEM=…        what was trained, and what serves",
        f"make up STACK={stack.name}                  again: changes only what changed",
        f"make down STACK={stack.name}                removes everything",
    ]


def show(
    stack: Stack,
    outputs: Mapping[str, Any],
    console: Console,
    authority: Path | None = None,
    before: Mapping[str, Any] | None = None,
) -> None:
    """Prints the table, each system's pages, how to ask it, and the next commands.

    Args:
        authority: the certificate of a cloud that the system does not know.
        before: the outputs from before this `up`.
    """
    earlier = system_outputs(before or {})
    outputs = {name: last_known(output, earlier.get(name, {})) for name, output in system_outputs(outputs).items()}
    if outputs:
        console.print(table(outputs))
    for name, output in outputs.items():
        if output.get("experimentUri"):
            console.print(f"{name} in MLflow: {output['experimentUri']}")
        if line := request_line(stack, name, output, authority):
            console.print(f"Ask {name}:\n  {line}")
    console.print("\nNext:", *(f"  {line}" for line in next_commands(stack)), sep="\n")
