"""What a stack on Azure needs before anything is made: its ids, a login, a place for its state and for its secrets.

Pulumi and Azure say each of these one after the other, minutes into an `up` and in words of their own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from tools.finding import Finding
from tools.progress import SetupError
from tools.stacks import PROJECT, Stack
from tools.versions import ROOT

IDS = ("subscriptionId", "tenantId", "deployersGroupId")
ZEROS = "00000000-0000-0000-0000-000000000000"
AZ_SECONDS = 60
# What proves who a service principal is: one of them. azure-native reads the first, the SDKs the second.
# https://www.pulumi.com/registry/packages/azure-native/installation-configuration/
# https://learn.microsoft.com/python/api/azure-identity/azure.identity.environmentcredential
PROVIDER = (
    "ARM_CLIENT_SECRET",
    "ARM_CLIENT_CERTIFICATE_PATH",
    "ARM_OIDC_TOKEN",
    "ARM_OIDC_TOKEN_FILE_PATH",
    "ARM_USE_OIDC",
)
SDK = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE")
MACHINE = ("ARM_USE_MSI", "IDENTITY_ENDPOINT")


def check(stack: Stack, environment: Mapping[str, str]) -> None:
    """Refuses to begin with a stack on Azure while something is missing: all of it in one message.

    Raises:
        SetupError: names what is missing and what to write.
    """
    missing = [finding for finding in findings(stack, environment) if finding.fix]
    if missing:
        listed = "".join(f"\n  - {one.said}: {one.fix}" for one in missing)
        raise SetupError(f"stack {stack.name} is on Azure and cannot be worked on yet; nothing was made:{listed}")


def findings(stack: Stack, environment: Mapping[str, str]) -> Iterator[Finding]:
    """What was looked at for one stack; nothing for a stack of the emulator."""
    if stack.emulated:
        return
    yield ids(stack)
    yield login(stack, environment)
    yield from state(stack, environment)


def empty_ids(stack: Stack) -> list[str]:
    """Ids that are missing or still the placeholder."""
    given = stack.configuration().get("config", {})
    return [name for name in IDS if str(given.get(f"{PROJECT}:{name}") or ZEROS) == ZEROS]


def ids(stack: Stack) -> Finding:
    """The ids in the stack's file."""
    name, empty = f"stack {stack.name}, ids", empty_ids(stack)
    if not empty:
        return Finding(name, "written")
    verb = "is" if len(empty) == 1 else "are"
    where = "`az account show` has subscription and tenant, `az ad group show` a group"
    fix = f"write yours in stacks/{stack.file.name} ({where})"
    return Finding(name, f"{', '.join(empty)} {verb} still all zeros", fix)


def login(stack: Stack, environment: Mapping[str, str]) -> Finding:
    """Who makes things: a service principal by variables, an identity of this machine, or whoever is in the az CLI."""
    name = f"stack {stack.name}, login"
    if any(environment.get(variable) for variable in MACHINE):
        return Finding(name, "this machine's identity")
    provider, sdk = lacking("ARM", PROVIDER, environment), lacking("AZURE", SDK, environment)
    if not provider and not sdk:
        return Finding(name, f"service principal {environment['ARM_CLIENT_ID']}")
    # Either half may come from the az CLI, as in a pipeline that signs in to it and gives azure-native a token.
    found = az_login(str(stack.configuration().get("config", {}).get(f"{PROJECT}:subscriptionId", "")), environment)
    if found.fix and any(environment.get(f"{prefix}_CLIENT_ID") for prefix in ("ARM", "AZURE")):
        said = f"of a service principal's variables {', '.join([*provider, *sdk])} are missing"
        return Finding(name, said, "set them, or unset the others and run `az login`")
    return Finding(name, found.said, found.fix)


def lacking(prefix: str, proofs: tuple[str, ...], environment: Mapping[str, str]) -> list[str]:
    """Variables of a service principal that are not set."""
    missing = [name for name in (f"{prefix}_CLIENT_ID", f"{prefix}_TENANT_ID") if not environment.get(name)]
    return missing if any(environment.get(proof) for proof in proofs) else [*missing, proofs[0]]


def az_login(subscription: str, environment: Mapping[str, str]) -> Finding:
    """Who is signed in to the az CLI, and whether the subscription is theirs to see."""
    fix = "run `az login`, or set the variables of a service principal (ARM_… and AZURE_…, see README)"
    program = shutil.which("az", path=environment.get("PATH"))
    if program is None:
        return Finding("az", "nobody is signed in to Azure, and there is no az CLI", fix)
    named = ["--subscription", subscription] if subscription not in ("", ZEROS) else []
    try:
        done = subprocess.run(
            [program, "account", "show", "--output", "json", *named],
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=AZ_SECONDS,
            check=False,
        )
        user = json.loads(done.stdout)["user"]["name"] if done.returncode == 0 else ""
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError, TypeError):
        return Finding("az", "the az CLI does not say who is signed in", fix)
    if user:
        return Finding("az", f"{user} (az CLI)")
    if named and "az login" not in done.stderr:
        return Finding("az", f"whoever is signed in to the az CLI does not see subscription {subscription}", fix)
    return Finding("az", "nobody is signed in to Azure", fix)


def state(stack: Stack, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Where Pulumi keeps the stack's state, and what encrypts the secrets in it."""
    backend = backend_of(environment)
    where = f"stack {stack.name}, state"
    fix = "run `pulumi login`, or `pulumi login 'azblob://container?storage_account=account'`"
    yield Finding(where, backend) if backend else Finding(where, "Pulumi has no place for the stack's state", fix)
    if not backend or backend.startswith("http") or stack.configuration().get("secretsprovider"):
        return
    name = f"stack {stack.name}, secrets"
    if any(variable in environment for variable in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")):
        yield Finding(name, "encrypted by a passphrase")
        return
    fix = "export PULUMI_CONFIG_PASSPHRASE=…, or give the stack a key: pulumi stack change-secrets-provider"
    yield Finding(name, "nothing encrypts the stack's secrets", fix)


def backend_of(environment: Mapping[str, str]) -> str:
    """Where state is kept: as the environment, the project or the last `pulumi login` says; "" when none does."""
    project = yaml.safe_load(ROOT.joinpath("Pulumi.yaml").read_text()) or {}
    given = environment.get("PULUMI_BACKEND_URL") or str((project.get("backend") or {}).get("url") or "")
    if given:
        return given
    if environment.get("PULUMI_ACCESS_TOKEN"):
        return "https://api.pulumi.com"
    home = Path(environment.get("PULUMI_HOME") or Path(environment.get("HOME", "~")).expanduser() / ".pulumi")
    try:
        return str(json.loads(home.joinpath("credentials.json").read_text()).get("current") or "")
    except (OSError, ValueError, AttributeError):
        return ""
