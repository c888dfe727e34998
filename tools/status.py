"""What a system does now: what serves, how clients fare, what was judged last, where stack and endpoint differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rich.console import Console

from ml.clients.errors import CloudError
from ml.clients.metrics import Requests
from tools import live, words
from tools.deployed_system import DeployedSystem
from tools.live import Challenger, Champion, LiveSystem, Share
from tools.stacks import Stack
from tools.summary import beside, of_stack

MINUTES = 10
LABEL = 12


@dataclass(frozen=True)
class Traffic:
    """How clients fared in the last minutes, by deployment; `problem` says why that could not be read."""

    requests: Mapping[str, Requests] = field(default_factory=dict)
    problem: str = ""


def show(system: DeployedSystem, console: Console) -> None:
    """Prints it."""
    now = live.read(system)
    traffic = read_traffic(system) if now.scoring_uri else Traffic()
    console.print(f"[bold]{system.name}[/bold] on stack {system.stack.name}")
    for label, text in lines(system, now, traffic):
        console.print(words.hanging(f"  {label:<{LABEL}}", text, console.width), markup=False)


def lines(system: DeployedSystem, now: LiveSystem, traffic: Traffic) -> Iterator[tuple[str, str]]:
    """What is shown, each line with its label; a line that goes on has none."""
    if now.problem:
        yield "not read", now.problem
    if not now.serving:
        yield "serves", "nothing"
    for number, share in enumerate((*now.serving, *now.standby)):
        yield "serves" if share.percent and not number else "" if share.percent else "beside it", in_words(share)
        if share.percent or share.deployment in traffic.requests:
            yield "", clients(traffic, share)
    yield "champion", champion(now.champion)
    if now.challenger:
        yield "challenger", challenger(now.challenger)
        yield "", now.challenger.uri
    if now.job and not now.job.completed:
        yield "training", f"{now.job.name} {now.job.status.lower()}: `make logs JOB={now.job.name}` shows its log"
    if now.under_way:
        yield "under way", now.under_way
    for text in differences(system, now):
        yield "differs", text
    if now.scoring_uri:
        yield "asked at", now.scoring_uri


def read_traffic(system: DeployedSystem) -> Traffic:
    """Requests of the last minutes."""
    try:
        found = system.metrics().requests(datetime.now(UTC) - timedelta(minutes=MINUTES - 1))
    except CloudError as error:
        return Traffic(problem=str(error))
    return Traffic({name: sum(minutes.values(), Requests()) for name, minutes in found.items()})


def in_words(share: Share) -> str:
    """`version 3   90 %   v3-0a1b2c3d`, and what is wrong with it."""
    version = f"version {share.version}" if share.version is not None else "no version of ours"
    state = "" if share.state == "Succeeded" else f"   {share.state.lower()}"
    rejected = f"   rejected: {share.rejected}" if share.rejected else ""
    return f"{version}   {share.percent} %   {share.deployment}{state}{rejected}"


def clients(traffic: Traffic, share: Share) -> str:
    """How clients of one deployment fared."""
    if traffic.problem:
        return f"its requests could not be read: {traffic.problem}"
    found = traffic.requests.get(share.deployment, Requests())
    rates = f"{found.total / MINUTES:.1f} requests and {found.failed / MINUTES:.1f} errors a minute"
    counts = f"{found.total:,} and {found.failed:,} in the last {MINUTES} minutes"
    return f"{rates} ({counts})"


def champion(found: Champion | None) -> str:
    """The champion with its figures, its data and since when it is."""
    if found is None:
        return "none yet"
    parts = [f"version {found.version}", words.figures(found.figures)]
    parts += [f"{found.source or 'unknown'} data {found.data}"] if found.data else []
    parts += [f"since {words.when(found.since)}"] if found.since else []
    return "   ".join(parts)


def challenger(found: Challenger) -> str:
    """What was judged last and what came of it."""
    version = f" (version {found.version})" if found.version else ""
    verdict = ": ".join(part for part in (found.verdict, found.reason) if part) or "judged"
    return f"{found.job}{version}   {beside(found.figures, found.against)}   {verdict}"


def differences(system: DeployedSystem, now: LiveSystem) -> Iterator[str]:
    """Where what the stack knows, what is said to serve and what serves are not the same, and what puts it right."""
    serves = now.serving[0] if now.serving else None
    known, refresh, up = system.recorded, verb(system.stack, "refresh"), verb(system.stack, "up")
    if serves and known.serving not in (None, serves.version):
        yield f"the stack knows version {known.serving}, the endpoint serves version {serves.version}: {refresh}"
    elif serves and known.traffic and known.traffic != shares(now):
        yield f"the stack knows the traffic {percents(known.traffic)}, it is {percents(shares(now))}: {refresh}"
    if serves and now.champion and serves.version != now.champion.version:
        fix = "is being done" if now.under_way else f"{refresh}, then {up}"
        yield f"version {now.champion.version} is to serve, version {serves.version} does: {fix}"


def verb(stack: Stack, name: str) -> str:
    """How a verb is typed for a stack."""
    return f"`{' '.join(['make', name, *of_stack(stack)])}`"


def shares(now: LiveSystem) -> dict[str, int]:
    """Percent by deployment, those with 0 left out."""
    return {one.deployment: one.percent for one in now.serving}


def percents(traffic: Mapping[str, int]) -> str:
    """`v1-a 90 %, v2-b 10 %`."""
    return ", ".join(f"{name} {share} %" for name, share in sorted(traffic.items()))
