"""What a subscription lacks that an `up` would only find out on the way: resource providers that are not registered."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping

from ml.clients.arm import arm, manner
from ml.clients.errors import CloudError
from tools.finding import Finding
from tools.stacks import PROJECT, Stack
from tools.versions import ROOT

API_VERSION = "2021-04-01"
NAMESPACES = (
    "Microsoft.ContainerInstance",
    "Microsoft.ContainerRegistry",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.MachineLearningServices",
    "Microsoft.ManagedIdentity",
    "Microsoft.OperationalInsights",
    "Microsoft.Storage",
)
"""Of everything that `infra/` and `ml/` make."""
SECONDS, PATIENCE = 60, 5.0


def findings(stack: Stack, environment: Mapping[str, str]) -> Iterator[Finding]:
    """What was looked at in the stack's subscription. Asked in a process of its own: a process has one cloud."""
    name = f"stack {stack.name}, providers"
    subscription = str(stack.configuration()["config"][f"{PROJECT}:subscriptionId"])
    command = [sys.executable, "-m", "tools.subscription", subscription]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        yield Finding(name, f"Azure did not answer within {SECONDS} s", "look at the network, then run this again")
        return
    if done.returncode:
        yield Finding(name, f"cannot be read: {done.stderr.strip()}", "have the role Reader on the subscription")
        return
    missing = json.loads(done.stdout)
    fixes = " && ".join(f"az provider register --namespace {one} --subscription {subscription}" for one in missing)
    said = f"not registered in the subscription: {', '.join(missing)}" if missing else "registered"
    yield Finding(name, said, fixes)


def unregistered(subscription: str) -> list[str]:
    """Namespaces that a subscription may not use yet.

    Raises:
        CloudError: they cannot be read.
    """
    with manner(patience=PATIENCE):
        found = arm().list(f"/subscriptions/{subscription}/providers", API_VERSION)
    if not found:
        raise CloudError(f"nothing is known of subscription {subscription}: is the id right?", status=404)
    usable = {str(one["namespace"]).lower() for one in found if one.get("registrationState") == "Registered"}
    return [name for name in NAMESPACES if name.lower() not in usable]


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(unregistered(sys.argv[1])))
    except CloudError as failure:
        sys.exit(str(failure))
