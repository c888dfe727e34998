"""What `make up` shows at the end: each system as it serves now, what was judged last, and how to ask it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from tools.answers import Reply
from tools.live import LiveSystem, Share
from tools.stacks import DEFAULT, Stack
from tools.versions import ROOT
from tools.words import figure, figures, hanging, ordered

VERDICTS = {
    "promoted": "won",
    "kept": "lost: the champion was kept",
    "refused": "was refused",
    "failed": "could not be evaluated",
    "running": "is being evaluated",
}

STYLES = {"differs": "yellow", "not read": "yellow"}


@dataclass(frozen=True)
class Shown:
    """A system: what the stack's outputs say, what the cloud says now, and what its endpoint answered.

    `differs` says where they are not the same, and what puts that right.
    """

    name: str
    output: Mapping[str, Any]
    live: LiveSystem
    reply: Reply | None = None
    differs: Sequence[str] = ()


def data_source(output: Mapping[str, Any]) -> str:
    """`real, 14841 + 7308 rows` (by file) or `generated, …`; "" when the output does not say."""
    data = output.get("data") or {}
    if not isinstance(data, Mapping):
        return ""
    given = data.get("rows")
    counts = list(given.values()) if isinstance(given, Mapping) else [given]
    rows = " + ".join(f"{int(count)}" for count in counts if isinstance(count, (int, float)))
    rows = f"{rows} rows" if rows else ""
    return ", ".join(part for part in (str(data.get("source") or ""), rows) if part)


def system_outputs(outputs: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The outputs that describe a system, by name."""
    return {
        name: value
        for name, value in sorted(outputs.items())
        if isinstance(value, Mapping) and ("job" in value or "model" in value)
    }


def last_known(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """A system's outputs; where a step failed, those from before this `up`."""
    return {
        name: before.get(name) if gone(now.get(name), before.get(name)) else now.get(name) for name in {**now, **before}
    }


def gone(now: Any, before: Any) -> bool:
    """Whether an output, or a part of it, was there before and is not any more."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return any(gone(now.get(name), value) for name, value in before.items())
    return now is None and before is not None


def stack_version(output: Mapping[str, Any]) -> int | None:
    """The version that the stack's outputs name; None while they name none."""
    model = output.get("model")
    version = model.get("version") if isinstance(model, Mapping) else None
    return int(version) if isinstance(version, (int, float)) else None


def serves(live: LiveSystem, output: Mapping[str, Any]) -> list[str]:
    """What answers requests now: the champion with its figures, and every share of the traffic that is not its own."""
    champion, known = live.champion, stack_version(output)
    if champion is None and not live.serving:
        if not live.problem:
            return ["nothing yet"]
        return [f"not known now; the stack last said version {known}" if known else "not known"]
    said = []
    if champion is not None:
        share = sum(one.percent for one in live.serving if one.version == champion.version)
        said.append(f"version {champion.version} with {share} % of the traffic, sha256 {champion.sha256[:12]}")
        said += [figures(champion.figures)] if champion.figures else []
        if champion.source == "generated":
            said.append("trained on generated data: its figures say nothing about real rows")
    others = [one for one in live.serving if champion is None or one.version != champion.version]
    return [*said, *map(other_share, others)]


def other_share(share: Share) -> str:
    """A part of the traffic that the champion does not get."""
    rejected = f", rejected: {share.rejected}" if share.rejected else ""
    return f"{share.deployment} (version {share.version or 'unknown'}) with {share.percent} %{rejected}"


def judged(live: LiveSystem) -> list[str]:
    """The last challenger: how it did against the champion of then, and why."""
    challenger = live.challenger
    if challenger is None:
        return []
    version = f" (version {challenger.version})" if challenger.version else ""
    serving = live.champion is not None and live.champion.version == challenger.version
    same = serving and challenger.verdict == "kept" and challenger.figures == challenger.against
    verdict = "made the champion again" if same else VERDICTS.get(challenger.verdict, "was evaluated")
    said = [f"{challenger.job}{version} {verdict}"]
    if challenger.reason:
        said.append(challenger.reason)
    if challenger.figures and not same and (challenger.against or not serving):
        said.append(beside(challenger.figures, challenger.against))
    return said


def beside(metrics: Mapping[str, float], against: Mapping[str, float]) -> str:
    """`auc 0.8500 against 0.8612  accuracy 0.7700 against 0.7900`."""
    if not against:
        return figures(metrics)
    names = ordered(metrics)[:3]
    return "  ".join(f"{name} {figure(metrics[name])} against {figure(against.get(name, '-'))}" for name in names)


def entries(shown: Shown) -> list[tuple[str, str]]:
    """Everything about a system that is said in words, each line with its label, which is given once."""
    output, live = shown.output, shown.live
    rows: list[tuple[str, list[str]]] = [
        ("data", [data_source(output)] if data_source(output) else []),
        ("serves", serves(live, output)),
        ("judged last", judged(live)),
        ("answers", answers(shown.reply)),
        ("differs", [*shown.differs]),
        ("not read", [live.problem] if live.problem else []),
    ]
    return [(label if place == 0 else "", line) for label, lines in rows for place, line in enumerate(lines)]


def answers(reply: Reply | None) -> list[str]:
    """What a request through the endpoint came to."""
    if reply is None:
        return []
    if reply.problem:
        return [f"NO: {reply.problem}"]
    version = f" by version {reply.version}" if reply.version else ""
    return [f"yes{version}, in {reply.seconds * 1000:.0f} ms"]


def links(shown: Shown) -> list[tuple[str, str]]:
    """Pages of the champion's run and of the last challenger's."""
    champion, challenger, newest = shown.live.champion, shown.live.challenger, shown.live.job
    uri = str(shown.output.get("experimentUri") or "")
    found = [("champion", uri)] if champion and champion.job and champion.job in uri else []
    if challenger and not (champion and challenger.job == champion.job):
        own = newest.studio_uri if newest and newest.name == challenger.job else challenger.uri
        found += [("challenger", own)] if own else []
    return found


def request_line(stack: Stack, name: str, uri: str, authority: Path | None) -> str | None:
    """A line that asks the service when pasted into a shell in the checkout; None while there is no service.

    The key goes through a pipe: every user of the machine can read the arguments of a program.

    Args:
        authority: the certificate of a cloud that the system does not know.
    """
    body = f"ml/systems/{name}/request.json"
    if not uri or not (ROOT / body).exists():
        return None
    trusted = f"--cacert {os.path.relpath(authority, ROOT)} " if authority else ""
    named = " ".join([*of_stack(stack), f"SYSTEM={name.replace('_', '-')}"])
    key = f"printf 'Authorization: Bearer %s' \"$(make -s key {named})\""
    there = resolved(uri) if authority else ""
    return f'{key} | curl {trusted}{there}-H @- -H "Content-Type: application/json" -d @{body} {uri}'


def resolved(uri: str) -> str:
    """What tells curl where a container group of the emulator is: it takes names below `localhost` for 127.0.0.1."""
    parts = urlsplit(uri)
    if parts.scheme != "http" or not parts.hostname:
        return ""
    try:
        address = socket.getaddrinfo(parts.hostname, parts.port, socket.AF_INET)[0][4][0]
        return f"--resolve {parts.hostname}:{parts.port}:{address} "
    except OSError:
        return ""


def of_stack(stack: Stack) -> list[str]:
    """How a verb is told the stack: not at all when it is the one that is meant without."""
    return [] if stack.name == DEFAULT else [f"STACK={stack.name}"]


def next_commands(stack: Stack, data: Sequence[str] = ()) -> list[str]:
    """What a person usually does next, each with what it is for; `data` stands before an `up` for the same data."""
    told = " ".join(["", *of_stack(stack)])
    return [
        f"{' '.join([*data, 'make up'])}{told}               again: changes only what changed",
        f"make runs{told} SYSTEM=…    what was trained, and what serves",
        f'eval "$(make -s env{told})" a shell for pulumi and Azure\'s tools',
        f"make down{told}             removes everything",
    ]


def show(
    stack: Stack,
    systems: Sequence[Shown],
    console: Console,
    authority: Path | None = None,
    data: Sequence[str] = (),
) -> None:
    """Prints every system with its pages and how to ask it, the next commands, and last what does not answer.

    Args:
        authority: the certificate of a cloud that the system does not know.
        data: what has to stand before the next `up` for the same data.
    """
    for shown in systems:
        console.print(Text(f"\n{shown.name}", style="bold"))
        for text in described(shown, console.width):
            console.print(text)
        for label, uri in links(shown):
            console.print(Text(f"  {label + ' run':<14} {uri}"))
        if shown.reply and (line := request_line(stack, shown.name, shown.live.scoring_uri, authority)):
            console.print(Text(f"  ask it:\n{line}"))
    console.print("\nNext:", *(f"  {line}" for line in next_commands(stack, data)), sep="\n", markup=False)
    for line in silent(stack, systems):
        console.print(Text(f"\n{line}", style="bold red"), soft_wrap=not console.is_terminal)


def described(shown: Shown, width: int) -> Iterator[Text]:
    """A system's entries, folded to the width."""
    for label, line in entries(shown):
        style = "bold red" if line.startswith("NO: ") else STYLES.get(label, "")
        yield Text(hanging(f"  {label:<14} ", line, width), style=style)


def silent(stack: Stack, systems: Sequence[Shown]) -> list[str]:
    """Every endpoint that should answer and does not, and what to do."""
    return [
        f"{shown.name} DOES NOT ANSWER: {shown.reply.problem}. "
        f"`make logs {' '.join([*of_stack(stack), f'SYSTEM={shown.name}'])}` shows what its server says; "
        f"`make up STACK={stack.name}` tries to bring it back."
        for shown in systems
        if shown.reply is not None and shown.reply.problem
    ]
