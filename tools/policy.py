"""`make policy`: what the rules say of a stack, the blocking ones first, with what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from itertools import groupby

from policies.catalogue import by_name
from policies.configuration import Configuration
from policies.exemptions import Exemption, exemptions
from policies.rule import Rule, Severity
from tools import policy_pack
from tools.policy_events import STREAM, PolicyEvent, PolicyEvents, read
from tools.preview import offline, on_state, with_profile
from tools.progress import Progress, SetupError
from tools.pulumi_cli import Pulumi
from tools.stacks import Stack
from tools.words import count

VIOLATED = 5
"""Exit code when an update would be stopped, as the engine's own."""
SEVERITIES = tuple(reversed(Severity))
UNUSED = "exemption-unused"


def policy(stack: Stack, profile: str = "") -> tuple[list[str], int]:
    """What the rules say of what `up` would make, in lines, and the exit code: 5 where an update would be stopped.

    Raises:
        SetupError: the program failed; the message carries what it said.
    """
    policy_pack.prepare(Progress())
    with on_state(stack) if stack.emulated and not profile else offline(stack, profile) as (pulumi, words):
        events = events_of(pulumi, words)
    config = Configuration.from_stack(with_profile(stack.configuration(), profile)["config"])
    where = f"{stack.name}, network profile {profile}" if profile else stack.name
    return list(lines(where, events, config)), VIOLATED if events.blocking else 0


def events_of(pulumi: Pulumi, words: Sequence[str]) -> PolicyEvents:
    """What the pack says during a preview with these arguments.

    Raises:
        SetupError: the program failed; the message carries what it said.
    """
    done = subprocess.run(
        pulumi.command("preview", "--json", "--policy-pack", str(policy_pack.PACK), *words),
        cwd=pulumi.project,
        env={**pulumi.environment, STREAM: "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    events = read(done.stdout.splitlines())
    if done.returncode and not events.blocking:
        said = events.errors or [(done.stderr or done.stdout).strip()]
        raise SetupError("\n".join([f"The preview of {pulumi.stack.name} failed:", *said]))
    return events


def lines(where: str, events: PolicyEvents, config: Configuration) -> Iterator[str]:
    """The report. Its first line says it in a sentence."""
    rules = by_name()
    blocking = events.blocking
    advice = [one for one in events.found if not one.blocks and not one.deferred]
    later = [one for one in events.found if one.deferred]
    yield sentence(where, events, len(rules), len(advice), len(later))
    yield from section("Stops an update", blocking, rules)
    yield from section("Advice", advice, rules)
    if events.mended:
        yield from ("", "Added")
        yield from (f"  {one.resource}: {one.message} ({titled(rules, one.rule)})" for one in events.mended)
    if later:
        yield from ("", "Checked at update")
        yield from (f"  {titled(rules, one.rule)}: {one.resource} ({reason(one)})" for one in later)
    yield from exempted(exemptions(config), events, config)
    yield from ("", *(f"error: {text}" for text in events.errors)) if events.errors else ()


def sentence(where: str, events: PolicyEvents, rules: int, advice: int, later: int) -> str:
    """`Policies of stack prod: 2 findings stop an update, 1 is advice, 1 is checked at update; 158 rules, …`."""
    stopping = len(events.blocking)
    parts = [f"{count(stopping, 'finding')} {'stops' if stopping == 1 else 'stop'} an update"] if stopping else []
    parts += [f"{advice} {'is' if advice == 1 else 'are'} advice"] if advice else []
    parts += [f"{later} {'is' if later == 1 else 'are'} checked at update"] if later else []
    said = ", ".join(parts) if stopping or advice else ", ".join(["nothing found", *parts])
    return f"Policies of stack {where}: {said}; {rules} rules, {count(events.resources, 'resource')}."


def section(title: str, found: Sequence[PolicyEvent], rules: dict[str, Rule]) -> Iterator[str]:
    """Findings by rule, the worst first; under each rule what is wrong where, then what to do."""

    def order(one: PolicyEvent) -> tuple[int, str, PolicyEvent]:
        rule = rules.get(one.rule)
        return (SEVERITIES.index(rule.severity), rule.id, one) if rule else (len(SEVERITIES), one.rule, one)

    if found:
        yield from ("", f"{title} ({len(found)})")
    for name, group in groupby(sorted(found, key=order), key=lambda one: one.rule):
        rule = rules.get(name)
        yield f"  {titled(rules, name)}" + (f", {rule.severity}: {rule.title}" if rule else "")
        fix = f". {rule.fix}" if rule else ""
        yield from (f"    {one.resource}: {one.message.removesuffix(fix)}" for one in group)
        yield from [f"    -> {rule.fix}"] if rule else []


def titled(rules: dict[str, Rule], name: str) -> str:
    """`R-08 storage-no-shared-key`."""
    return f"{rules[name].id} {name}" if name in rules else name


def reason(one: PolicyEvent) -> str:
    """`image is known only then`."""
    return one.message.partition(": ")[2]


def exempted(given: Sequence[Exemption], events: PolicyEvents, config: Configuration) -> Iterator[str]:
    """Each exemption of the stack file that holds, with its end."""
    unused = [one.message for one in events.found if one.rule == UNUSED]
    holding = [
        one for one in given if not one.expired(config.today) and not any(str(one) in message for message in unused)
    ]
    if holding:
        yield from ("", "Exempted")
    for one in sorted(holding, key=lambda entry: (entry.expires, entry.rule, entry.resource)):
        yield f"  {one.rule} for {one.resource} until {one.expires}: {one.reason}"
