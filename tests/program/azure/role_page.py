"""The role table as a page: docs/roles.md."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from infra.permissions import DEPLOYERS, TABLE, Permission
from infra.role_assignments import Role
from tools.role_words import WORDS, RoleWords

WHO: Mapping[str, str] = MappingProxyType(
    {
        DEPLOYERS: "The Entra group in `mlops:deployersGroupId`: people and pipelines that run the program. A member "
        "also needs what [nobody is given here](#given-by-hand).",
        "pipelines": "Pipelines that sign in without a secret (part `federation`). Beside this table the identity is a "
        "member of the deployers' group, by hand: through it the state is read and written and its secrets are opened.",
        "reviews": "Pull requests (part `federation`): they look and change nothing.",
        "runner": "Machines in the network of the stack `bootstrap` that run pipelines.",
        "workspace": "Azure ML itself, on behalf of the workspace.",
        "compute": "Jobs on the workspace's clusters.",
        "endpoint": "Scoring servers: online endpoints, container groups, pods.",
        "notebooks": "The compute instance (part `notebooks`).",
        "databricks": "The access connector of Databricks (part `databricks`).",
        "data-factory": "Pipelines of Data Factory (part `data_factory`).",
        "kubernetes": "The AKS cluster itself (part `kubernetes`).",
        "kubelet": "The nodes of the AKS cluster (part `kubernetes`).",
        "file-events": "Event Grid on the data lake (part `file_trigger`).",
        "file-trigger": "The Logic App of the part `file_trigger`, and in its name the jobs that it starts.",
        "edge": "The IoT hub (part `edge`).",
        "provisioning": "The device provisioning service (part `edge`).",
    }
)
"""By principal, in the order of the page: who that is."""
WHERE: Mapping[str, str] = MappingProxyType(
    {
        "group": "resource group",
        "ml": "storage of the workspace",
        "lake": "data lake",
        "lake-raw": "data lake, container `raw`",
        "lake-curated": "data lake, container `curated`",
        "new-files": "data lake, queue `new-files`",
        "new-files-poison": "data lake, queue `new-files-poison`",
        "dead-letters": "data lake, container `dead-letters`",
        "vault": "Key Vault",
        "registry": "container registry",
        "insights": "Application Insights",
        "workspace": "Azure ML workspace",
        "model-registry": "model registry",
        "databricks": "Databricks workspace",
        "iot-hub": "IoT hub",
        "device-provisioning": "device provisioning service",
        "kubernetes": "AKS cluster",
        "kubernetes-subnet": "subnet `kubernetes`",
        "kubelet": "identity `kubelet`",
        "state": "storage account with the state",
        "keys": "vault with the key of the state's secrets",
    }
)
HEAD = """# Who may do what

Generated from `infra/permissions.py`; `{command}` writes it anew.

Every role assignment of every stack is a line of this table, on one resource and on no more. A line about something
that a stack does not have grants nothing there. What a stack has is in its [diagram](azure.md#what-a-stack-has).
`tests/contract/test_role_assignments.py` takes each line about the base platform away in turn and sees the call
refused.
"""
BY_HAND = (
    (
        "a member of the deployers' group",
        "Owner, or Contributor and User Access Administrator",
        "subscription, or the resource group where it is there",
        "makes resources and role assignments, see [azure.md](azure.md)",
    ),
    (
        "the identity `pipelines` of each stack",
        "membership",
        "the deployers' group in Entra",
        "reads and writes the state, opens its secrets, does what the group does",
    ),
    (
        "whoever deploys, `pipelines` too",
        "Resource Policy Contributor",
        "subscription",
        "only with `mlops:policy: {assign: true}`: makes the initiative and assigns it to the group, see "
        "[azure-verdict.md](azure-verdict.md#watched-by-azure)",
    ),
)
"""What no stack grants, because it lies above the resource group or in Entra: to whom, what, on what, and what for."""
WIDTH = 118
AZURES_LIST = "https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"


def role_page(command: str) -> str:
    """The page; `command` writes it.

    Raises:
        KeyError: the table has somebody, or a scope, that has no words here.
    """
    unknown = {line.who for line in TABLE} - WHO.keys()
    if unknown:
        raise KeyError(f"say in WHO who that is: {', '.join(sorted(unknown))}")
    parts = [HEAD.format(command=command)]
    for who, words in WHO.items():
        lines = [line for line in TABLE if line.who == who]
        parts += ["\n".join([f"## {who}", *textwrap.wrap(words, WIDTH), "", *_table(lines)]) + "\n"] if lines else []
    return "\n".join([*parts, "\n".join(_by_hand()) + "\n", "\n".join(_roles()) + "\n"])


def _by_hand() -> Iterator[str]:
    yield "## Given by hand"
    yield "What no stack grants: it lies above the resource group, or in Entra. Whoever may gives it, once."
    yield ""
    yield "| who | gets | on | why |"
    yield "|---|---|---|---|"
    for row in BY_HAND:
        yield f"| {' | '.join(row)} |"


def _table(lines: list[Permission]) -> Iterator[str]:
    yield "| role | on | why |"
    yield "|---|---|---|"
    for line in lines:
        yield f"| {words_of(line.role).name} | {WHERE[line.where]} | {line.why}{_when(line)} |"


def _when(line: Permission) -> str:
    """Under what conditions a line is granted."""
    if line.only_closed:
        return "; in `hybrid` and `private`"
    if line.on_request:
        return "; where a system serves in container groups"
    return "; roles of this table only, and never this one" if line.table_only else ""


def words_of(role: Role) -> RoleWords:
    """What is said of a role.

    Raises:
        KeyError: tools/role_words.py says nothing of it.
    """
    return WORDS[role.value]


def _roles() -> Iterator[str]:
    yield "## What the roles allow"
    yield f"All are Azure's own; [Azure's list]({AZURES_LIST}) has the single actions, and so has"
    yield "`emulator/built_in_roles.json`."
    yield ""
    yield "| role | allows | id |"
    yield "|---|---|---|"
    used = {line.role for line in TABLE}
    for role in sorted(used, key=lambda one: words_of(one).name):
        yield f"| {words_of(role).name} | {words_of(role).allows} | `{role.value}` |"
