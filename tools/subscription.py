"""What a subscription lacks that an `up` would only find out on the way, as the stack's own plan has it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from ml.clients.arm import arm, manner
from ml.clients.errors import CloudError
from tools.azure_checks import Subscription
from tools.azure_checks import findings as looked_at
from tools.finding import Finding
from tools.needs import Needs
from tools.progress import SetupError
from tools.stacks import PROJECT, Stack
from tools.versions import ROOT

SECONDS, PATIENCE = 180, 5.0
REST = "--assignee <who is signed in> --scope /subscriptions/{needs.subscription}"
FIXES = {0: "look at the network, then run this again", 401: "az login --tenant {needs.tenant}"}
"""What to do when the subscription itself cannot be read, by HTTP status (0: no answer)."""


def findings(stack: Stack, environment: Mapping[str, str]) -> Iterator[Finding]:
    """What was looked at in the stack's subscription. Asked in a process of its own: a process has one cloud."""
    name = f"stack {stack.name}, subscription"
    try:
        needs = needs_of(stack)
    except SetupError as error:
        yield Finding(name, f"what it needs is not known: {error}", f"make preview STACK={stack.name}")
        return
    command = [sys.executable, "-m", "tools.subscription"]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=dict(environment),
            input=needs.text(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        yield Finding(name, f"Azure did not answer within {SECONDS} s", "look at the network, then run this again")
        return
    if done.returncode:
        yield Finding(name, "cannot be read", done.stderr.strip().rpartition("\n")[2])
        return
    yield from (Finding(**one) for one in json.loads(done.stdout))


def needs_of(stack: Stack) -> Needs:
    """What the stack's plan, made from nothing and without an account, asks of its subscription.

    Raises:
        SetupError: the program or a check failed.
    """
    from tools.export import planned
    from tools.preview import offline, plan_of

    given = stack.configuration()["config"]
    with offline(stack) as (pulumi, words):
        plan = planned(plan_of(pulumi, words))
    subscription, tenant, location = (
        str(given.get(f"{PROJECT}:{key}", "")) for key in ("subscriptionId", "tenantId", "location")
    )
    return Needs.of(stack.name, tenant, location, subscription, plan)


def main() -> None:
    """Looks at what the needs on standard input ask for, and writes what it found."""
    needs = Needs.read(sys.stdin.read())
    try:
        with manner(patience=PATIENCE):
            found = list(looked_at(Subscription(arm(), needs)))
    except CloudError as failure:
        fix = FIXES.get(failure.status, f"az role assignment create --role Reader {REST}").format(needs=needs)
        found = [Finding(f"stack {needs.stack}, subscription", f"cannot be read: {failure}", fix)]
    sys.stdout.write(json.dumps([asdict(one) for one in found]))


if __name__ == "__main__":
    main()
