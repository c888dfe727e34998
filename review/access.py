"""Access in words: who may do what where after the change and could not before, and what becomes reachable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policies.resource import Resource, is_unknown
from review.plan import Op, Plan, Step

ASSIGNMENT = "azure-native:authorization:RoleAssignment"
IDENTITY = "UserAssignedIdentity"
DANGEROUS = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}
"""Roles that make, change and delete, or give roles; names as Azure's list of built-in roles has them."""


@dataclass(frozen=True)
class Role:
    """A role's name and what it allows, in a few words."""

    name: str
    allows: str = ""


@dataclass(frozen=True)
class Access:
    """One sentence. `widens`: more is possible than before; else less. `serious`: to be looked at before all else."""

    said: str
    widens: bool
    serious: bool = False


# Input, the values that let more in, what that means. Of a type that has no such input there is no change of it.
OPENINGS: tuple[tuple[str, tuple[Any, ...], str, str], ...] = (
    (
        "publicNetworkAccess",
        ("Enabled", "EnabledForAll"),
        "answers on its public address",
        "no public address any more",
    ),
    ("networkRuleSet.defaultAction", ("Allow",), "lets every network in", "lets in only the networks named"),
    ("properties.networkAcls.defaultAction", ("Allow",), "lets every network in", "lets in only the networks named"),
    ("properties.publicNetworkAccess", ("enabled", "Enabled"), "answers on its public address", "no public address"),
    ("allowBlobPublicAccess", (True,), "may have containers that anybody reads", "no container is public"),
    ("publicAccess", ("Blob", "Container"), "anybody reads it without signing in", "only who is signed in reads it"),
    ("allowSharedKeyAccess", (True,), "opens with the account's key", "opens only for who is signed in"),
    ("disableLocalAuth", (False,), "opens with a key, without an Entra identity", "opens only with an Entra identity"),
    ("adminUserEnabled", (True,), "has an admin user with a password", "has no admin user"),
    ("anonymousPullEnabled", (True,), "anybody pulls images from it", "nobody pulls without signing in"),
    (
        "managedNetwork.isolationMode",
        ("Disabled",),
        "its jobs reach every address",
        "its jobs reach approved addresses",
    ),
    ("disableLocalAccounts", (False,), "opens with local accounts", "opens only with Entra accounts"),
    ("apiServerAccessProfile.enablePrivateCluster", (False,), "its API answers on a public address", "API is private"),
    ("minimumTlsVersion", ("TLS1_0", "TLS1_1", "1.0", "1.1"), "accepts outdated TLS", "accepts no outdated TLS"),
    ("enableNoPublicIp", (False,), "its nodes have public addresses", "its nodes have no public addresses"),
    ("enableNodePublicIp", (True,), "its nodes have public addresses", "its nodes have no public addresses"),
)
LISTS = (
    ("networkRuleSet.ipRules", "lets in"),
    ("properties.networkAcls.ipRules", "lets in"),
    ("apiServerAccessProfile.authorizedIPRanges", "lets its API be called from"),
)
CLOSED_BY = {"azure-native:network:PrivateEndpoint": "its target is no longer reached privately"}


def changes(plan: Plan, roles: Mapping[str, Role]) -> list[Access]:
    """Every sentence, serious ones first, then what widens. `roles`: by GUID."""
    found = [*assignments(plan, roles), *openings(plan), *trusts(plan)]
    return sorted(set(found), key=lambda one: (not one.serious, not one.widens, one.said))


def assignments(plan: Plan, roles: Mapping[str, Role]) -> Iterator[Access]:
    """Roles that are given or taken. One that is replaced by its equal is no change."""
    before, after = (
        {sentence(one, plan.holders.get(one.urn, ""), roles): one for one in all_of if one.type == ASSIGNMENT}
        for all_of in (plan.before, plan.after)
    )
    for said in sorted(after.keys() - before.keys()):
        yield Access(f"**New:** {said}", True, role_id(after[said]) in DANGEROUS)
    for said in sorted(before.keys() - after.keys()):
        yield Access(f"**No longer:** {said}", False)


def sentence(one: Resource, holder: str, roles: Mapping[str, Role]) -> str:
    """`identities-compute` is **Storage Blob Data Reader** on storageAccounts `x`: reads and lists blobs."""
    identifier = role_id(one)
    role = roles.get(identifier) or Role(DANGEROUS.get(identifier, f"role {identifier}"))
    allows = f": {role.allows}" if role.allows else ""
    only = " (under a condition)" if one.inputs.get("condition") else ""
    who = f"`{holder}`" if holder else principal(one)
    return f"{who} is **{role.name}** on {place(str(one.inputs.get('scope', '')))}{only}{allows}"


def role_id(one: Resource) -> str:
    """The GUID of the role that an assignment gives."""
    return str(one.inputs.get("roleDefinitionId", "")).rsplit("/", 1)[-1].lower()


def principal(one: Resource) -> str:
    """Who gets a role that is no resource's of the plan: `group 0a1b…`."""
    given = one.inputs.get("principalId")
    if given is None or is_unknown(given):
        return f"the principal of `{one.name}`"
    return f"{str(one.inputs.get('principalType', 'principal')).lower()} `{given}`"


def place(scope: str) -> str:
    """The resource of an ARM id; a whole group or subscription says so."""
    parts = scope.strip("/").split("/")
    if len(parts) == 2:
        return "the **whole subscription**"
    if len(parts) == 4 and parts[2].lower() == "resourcegroups":
        return f"the whole group `{parts[3]}`"
    return f"{parts[-2]} `{parts[-1]}`" if len(parts) > 1 else f"`{scope}`"


def openings(plan: Plan) -> Iterator[Access]:
    """What becomes reachable, or opens in another way, and what closes. Counts for what is made, too."""
    for step in plan.of(Op.CREATE, Op.UPDATE, Op.REPLACE):
        for path, wide, opened, closed in OPENINGS:
            old, new = at(step.old, path), at(step.new, path)
            if old == new or (step.op is Op.CREATE and new is None):
                continue
            if new in wide:
                yield Access(f"`{step.name}` ({step.kind}) {opened} (`{path}: {shown(new)}`)", True, True)
            elif old in wide:
                yield Access(f"`{step.name}` ({step.kind}): {closed} (`{path}: {shown(new)}`)", False)
        yield from _lists(step)
        yield from _firewall(step)
    for step in plan.of(Op.DELETE):
        if step.type in CLOSED_BY:
            yield Access(f"`{step.name}` ({step.kind}) goes: {CLOSED_BY[step.type]}", True, True)


def _lists(step: Step) -> Iterator[Access]:
    for path, verb in LISTS:
        old, new = (_addresses(at(inputs, path)) for inputs in (step.old, step.new))
        if more := sorted(set(new) - set(old)):
            wide = any(one in ("*", "0.0.0.0/0", "Internet") for one in more)
            yield Access(f"`{step.name}` ({step.kind}) {verb} {', '.join(f'`{one}`' for one in more)}", True, wide)


def _firewall(step: Step) -> Iterator[Access]:
    if step.type == "azure-native:sql:FirewallRule":
        first, last = step.new.get("startIpAddress"), step.new.get("endIpAddress")
        yield Access(f"`{step.name}` lets {first} to {last} reach the SQL server", True, first != last)
    for rule in at(step.new, "securityRules") or ():
        wide = rule.get("sourceAddressPrefix") in ("*", "Internet", "0.0.0.0/0")
        inbound = rule.get("access") == "Allow" and rule.get("direction") == "Inbound"
        if wide and inbound and rule not in (at(step.old, "securityRules") or ()):
            ports = rule.get("destinationPortRange", "every port")
            yield Access(f"`{step.name}` lets the internet in on port {ports} (`{rule.get('name')}`)", True, True)


def trusts(plan: Plan) -> Iterator[Access]:
    """Outside identities that may act as one of ours."""
    for step in plan.of(Op.CREATE, Op.UPDATE, Op.REPLACE):
        if step.kind == "FederatedIdentityCredential" and step.old.get("subject") != step.new.get("subject"):
            subject = str(step.new.get("subject"))
            who = f"`{subject}` (of {step.new.get('issuer')})"
            yield Access(f"**New:** {who} may act as `{step.new.get('resourceName')}`", True, "*" in subject)


def unneeded(plan: Plan) -> list[str]:
    """Assignments to an identity that no resource of the plan uses."""
    users = {urn for one in plan.after if one.type != ASSIGNMENT for urn in one.depends_on}
    found = []
    for one in plan.after:
        mine = [urn for urn in one.depends_on if IDENTITY in urn.split("::")[2]] if one.type == ASSIGNMENT else []
        if mine and not any(urn in users for urn in mine):
            found.append(f"`{one.name}`: nothing in the plan uses `{mine[0].rsplit('::', 1)[-1]}`")
    return found


def at(inputs: Any, path: str) -> Any:
    """The input at a dotted path; None where there is none."""
    for key in path.split("."):
        inputs = inputs.get(key) if isinstance(inputs, Mapping) else None
    return inputs


def shown(value: Any) -> str:
    """A value as YAML has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _addresses(rules: Any) -> Sequence[str]:
    if not isinstance(rules, list):
        return ()
    return [
        str(rule.get("iPAddressOrRange") or rule.get("value") or "") if isinstance(rule, Mapping) else str(rule)
        for rule in rules
    ]
