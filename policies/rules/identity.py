"""Identity: who opens what, and with which kind of key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from policies.resource import SECRET, is_unknown
from policies.rule import (
    ADVICE,
    ALWAYS,
    PRODUCTION,
    STRICTER,
    Rule,
    Severity,
    Sources,
    Stack,
    Violation,
    all_of,
    must_be,
    must_have,
)
from policies.view import View

DELEGATE = "Role Based Access Control Administrator"
"""May be granted with a condition that says which roles its holder may give away."""
MAY_GIVE = re.compile(
    r"@Request\[Microsoft\.Authorization/roleAssignments:RoleDefinitionId\]\s*"
    r"ForAnyOfAnyValues:GuidEquals\s*\{([^}]*)\}",
    re.IGNORECASE,
)
"""The roles in such a condition, as it reads in
https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples.
"""
DEPLOYS = "pipelines-identity-on-group-group-contributor"
"""The assignment of the identity that runs this program: it has to make everything in the group."""
FORBIDDEN = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": DELEGATE,
}
"""Built-in roles that may give away other roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles."""
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
BROAD = re.compile(
    r"(/subscriptions/[^/]+(/resourceGroups/[^/]+)?|/providers/Microsoft\.Management/.+)/?", re.IGNORECASE
)
"""The scope of a subscription, a resource group or a management group."""
ASSIGNMENT = ("authorization:RoleAssignment",)
COMPUTE = ("machinelearningservices:Compute",)
SECRET_NAME = re.compile(
    r"(password|secret|connectionstring|kubeconfig|(primary|secondary|access|shared|account)key|token)$"
)
SECRET_SHAPE = re.compile(r"AccountKey=|SharedAccessKey=|[?&]sig=|-----BEGIN|password=|client-key-data", re.IGNORECASE)
STACK = "pulumi:pulumi:Stack"


def _role(one: View) -> str:
    return str(one.get("roleDefinitionId", "")).rsplit("/", 1)[-1].lower()


def _owner(one: View) -> Iterator[str]:
    name = FORBIDDEN.get(_role(one))
    if name != DELEGATE:
        if name:
            yield f"grants {name}, whose holder can give every right away"
        return
    given = MAY_GIVE.findall(str(one.get("condition") or ""))
    if not given:
        yield f"grants {name} without a condition that lists the roles its holder may give away"
    for identifier in sorted({part.strip().lower() for part in ",".join(given).split(",")} & set(FORBIDDEN)):
        yield f"grants {name}, whose holder may make others {FORBIDDEN[identifier]}"


def _broad(one: View) -> Iterator[str]:
    if _role(one) == CONTRIBUTOR and one.name != DEPLOYS and BROAD.fullmatch(str(one.get("scope", ""))):
        yield f"grants Contributor on all of {str(one.get('scope')).rsplit('/', 1)[-1]}"


def _no_person(one: View) -> Iterator[str]:
    kind = one.get("principalType")
    if kind is None:
        yield "does not say principalType, so Azure looks a fresh identity up before it can be found"
    elif kind == "User":
        yield "is for one person"


def _subject(one: View) -> Iterator[str]:
    subject = str(one.get("subject", ""))
    if "*" in subject or not subject:
        yield f"trusts every subject like {subject or 'none'}"
    if re.fullmatch(r"repo:[^:]+(:ref:refs/heads/.*[*?].*)?", subject):
        yield f"trusts {subject}: any branch of the repository"


def _login(one: View) -> Iterator[str]:
    for path in (
        "properties.properties.remoteLoginPortPublicAccess",
        "properties.properties.sshSettings.sshPublicAccess",
    ):
        if one.get(path) not in (None, "Disabled", "NotSpecified"):
            yield f"{path} is {one.get(path)}: nodes can be logged in to"


def _computes(one: View) -> Iterator[str]:
    yield from must_be("properties.disableLocalAuth", True)(one)
    yield from _login(one)


def _own(one: View) -> Iterator[str]:
    kind = "properties.computeType"
    if one.get(kind) == "ComputeInstance" and one.get("properties.properties.applicationSharingPolicy") != "Personal":
        yield "applications of the instance can be opened by everybody in the workspace, in its user's name"


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif hasattr(value, "items"):
        for key in value:
            yield from _texts(value[key], f"{path}.{key}" if path else str(key))


def _outputs(stack: Stack) -> Iterator[Violation]:
    """Of the stack: what is marked as a secret arrives here without its value."""
    for one in stack.resources:
        if one.type != STACK:
            continue
        for path, text in _texts(one.resource.inputs, ""):
            last = path.rsplit(".", 1)[-1].lower().replace("_", "")
            named = SECRET_NAME.search(last) and not text.startswith("http") and not is_unknown(text)
            if text and text != SECRET and (named or SECRET_SHAPE.search(text)):
                yield Violation("", f"output {path} shows a key, password or connection string")


NO_OWNER = Rule(
    id="R-01",
    name="no-owner",
    title="No role that the stack grants can give away others",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    types=ASSIGNMENT,
    fix="Grant what is needed, in infra/permissions.py; owners are made by whoever owns the subscription",
    sources=Sources(
        benchmark=("PA-7",),
        checkov=("CKV_AZURE_39",),
        psrule=("AZR-000204",),
        page="https://learn.microsoft.com/azure/role-based-access-control/best-practices",
    ),
    check=_owner,
)
NO_BROAD_CONTRIBUTOR = Rule(
    id="R-02",
    name="no-broad-contributor",
    title="Nobody is Contributor of a whole group or subscription",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=ASSIGNMENT,
    fix="Name the resource as scope in infra/permissions.py, with the role for what is done there",
    sources=Sources(
        benchmark=("PA-7",), page="https://learn.microsoft.com/azure/role-based-access-control/best-practices"
    ),
    check=_broad,
)
GROUPS = Rule(
    id="R-03",
    name="people-by-group",
    title="People get rights through groups, and every assignment says what its principal is",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=ASSIGNMENT,
    fix="Put the person into the group mlops:deployersGroupId; infra/role_assignments.py sets principalType",
    sources=Sources(
        benchmark=("PA-7",),
        psrule=("AZR-000203",),
        page="https://learn.microsoft.com/azure/role-based-access-control/troubleshooting",
    ),
    check=_no_person,
)
WORKSPACE_IDENTITY = Rule(
    id="R-04",
    name="workspace-own-identity",
    title="The workspace acts under an identity that the stack has made, and no other",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=("machinelearningservices:Workspace",),
    fix="Leave identity and primary_user_assigned_identity as infra/workspace.py has them",
    sources=Sources(
        azure_policy=("5f0c7d88-c7de-45b8-ac49-db49e72eaa78",), benchmark=("IM-3",), psrule=("AZR-000407",)
    ),
    check=all_of(must_be("identity.type", "UserAssigned"), must_have("primaryUserAssignedIdentity")),
)
DATASTORE_IDENTITY = Rule(
    id="R-05",
    name="datastores-by-identity",
    title="The workspace opens its storage by identity",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=("machinelearningservices:Workspace",),
    fix='Leave system_datastores_auth_mode="Identity" in infra/workspace.py',
    sources=Sources(
        benchmark=("IM-1",), page="https://learn.microsoft.com/azure/machine-learning/how-to-disable-local-auth-storage"
    ),
    check=must_be("systemDatastoresAuthMode", "Identity"),
)
COMPUTE_LOCAL_AUTH = Rule(
    id="R-06",
    name="compute-no-local-login",
    title="Nobody logs in to a node by key or password",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=COMPUTE,
    fix="Leave disable_local_auth and the closed login port as infra/compute.py and infra/notebooks.py have them",
    sources=Sources(
        azure_policy=("e96a9a5f-07ca-471b-9bc5-6a0f33cbd68f",),
        benchmark=("IM-1",),
        checkov=("CKV_AZURE_142",),
        psrule=("AZR-000404",),
    ),
    check=_computes,
)
ENDPOINT_SIGN_IN = Rule(
    id="R-07",
    name="endpoint-signs-in",
    title="Clients of an endpoint sign in to Entra instead of holding a key",
    severity=Severity.MEDIUM,
    levels=PRODUCTION,
    types=("machinelearningservices:OnlineEndpoint",),
    fix='Write auth_mode="AADToken" in infra/scoring_endpoint.py, or say below mlops:policy who holds keys',
    sources=Sources(
        benchmark=("IM-1",), page="https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online-auth"
    ),
    check=must_be("properties.authMode", "AADToken"),
)
NO_SHARED_KEY = Rule(
    id="R-08",
    name="storage-no-shared-key",
    title="A storage account opens to identities, not to its key",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=("storage:StorageAccount",),
    fix="Leave allow_shared_key_access=False in infra/storage.py; who needs data gets a role in infra/permissions.py",
    sources=Sources(
        azure_policy=("8c6a50c6-9ffd-4ae7-986f-5fa6111f9a54",), benchmark=("IM-1",), checkov=("CKV2_AZURE_40",)
    ),
    check=must_be("allowSharedKeyAccess", False, default=True),
)
REGISTRY_NO_ADMIN = Rule(
    id="R-09",
    name="registry-no-admin",
    title="The container registry has no admin account",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=("containerregistry:Registry",),
    fix="Leave admin_user_enabled=False in infra/registry.py; images are pulled by identity",
    sources=Sources(
        azure_policy=("dc921057-6b28-4fbe-9b83-f7bec05db6c2",),
        benchmark=("IM-1",),
        checkov=("CKV_AZURE_137",),
        psrule=("AZR-000005",),
    ),
    check=must_be("adminUserEnabled", False, default=False),
)
REGISTRY_NO_ANONYMOUS = Rule(
    id="R-10",
    name="registry-no-anonymous-pull",
    title="Nobody pulls an image without signing in",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=("containerregistry:Registry",),
    fix="Leave anonymous_pull_enabled=False in infra/registry.py",
    sources=Sources(
        azure_policy=("9f2dea28-e834-476c-99c5-3507b4728395",), checkov=("CKV_AZURE_138",), psrule=("AZR-000401",)
    ),
    check=must_be("anonymousPullEnabled", False, default=False),
)
VAULT_ROLES = Rule(
    id="R-11",
    name="vault-by-role",
    title="Key Vault opens by role, not by access policies of its own",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=("keyvault:Vault",),
    fix="Leave enable_rbac_authorization=True in infra/key_vault.py",
    sources=Sources(
        azure_policy=("12d4fa5e-1f9f-4c21-97a9-b99b3c6611b5",), benchmark=("PA-7",), psrule=("AZR-000388",)
    ),
    check=must_be("properties.enableRbacAuthorization", True, default=False),
)
LOGS_LOCAL_AUTH = Rule(
    id="R-15",
    name="telemetry-by-identity",
    title="Logs and traces are taken from identities, not from whoever has a key",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=("applicationinsights:Component",),
    fix="Leave disable_local_auth=True in infra/monitoring.py",
    sources=Sources(
        azure_policy=("199d5677-e4d9-4264-9465-efe1839c06bd",), benchmark=("IM-1",), psrule=("AZR-000484",)
    ),
    check=must_be("disableLocalAuth", True, default=False),
)
LOG_WORKSPACE_LOCAL_AUTH = Rule(
    id="R-20",
    name="log-workspace-by-identity",
    title="The Log Analytics workspace has no keys",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=("operationalinsights:Workspace",),
    fix="Leave disable_local_auth=True in infra/monitoring.py",
    sources=Sources(azure_policy=("e15effd4-2278-4c65-a0da-4d6f6d1890e2",)),
    check=must_be("features.disableLocalAuth", True, default=False),
)
NO_SECRET_OUTPUTS = Rule(
    id="R-17",
    name="no-secret-outputs",
    title="No output of a stack shows a secret",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    types=(STACK,),
    fix="Export it as pulumi.Output.secret(…), or not at all: `make key` reads an endpoint's key",
    sources=Sources(
        benchmark=("IM-8",),
        psrule=("AZR-000279", "AZR-000316"),
        page="https://www.pulumi.com/docs/iac/concepts/secrets/",
    ),
    stack_check=_outputs,
)
FEDERATION = Rule(
    id="R-18",
    name="federation-names-one",
    title="A federated identity trusts one subject by name",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    types=("managedidentity:FederatedIdentityCredential",),
    fix="Name the environment: mlops:federation: {github: {repository: owner/name}} makes one credential a stack",
    sources=Sources(azure_policy=("fd1a8e20-2c4f-4a6c-9354-b58d786d9a1f",), benchmark=("IM-3",)),
    check=_subject,
)
BATCH_SIGN_IN = Rule(
    id="R-19",
    name="batch-signs-in",
    title="Whoever starts a batch endpoint signs in to Entra",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=("machinelearningservices:BatchEndpoint",),
    fix='Leave auth_mode="AADToken" in infra/batch_endpoint.py',
    sources=Sources(
        benchmark=("IM-1",),
        page="https://learn.microsoft.com/azure/machine-learning/how-to-authenticate-batch-endpoint",
    ),
    check=must_be("properties.authMode", "AADToken"),
)
NOTEBOOK_OWN = Rule(
    id="R-21",
    name="notebook-for-one",
    title="A compute instance is opened by its user alone",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=COMPUTE,
    fix='Leave application_sharing_policy="Personal" in infra/notebooks.py; another user has another instance',
    sources=Sources(
        benchmark=("IM-1",),
        page="https://learn.microsoft.com/azure/machine-learning/how-to-create-compute-instance",
    ),
    check=_own,
)
DATASTORES_NO_SECRET = Rule(
    id="R-22",
    name="datastore-without-key",
    title="A datastore holds no key of the storage behind it",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=("machinelearningservices:Datastore",),
    fix='Leave credentials_type="None" in infra/datastores.py; jobs read with the identity of their cluster',
    sources=Sources(
        benchmark=("IM-1",),
        page="https://learn.microsoft.com/azure/machine-learning/how-to-identity-based-service-authentication",
    ),
    check=must_be("properties.credentials.credentialsType", "None"),
)
STORAGE_DEFAULT_SIGN_IN = Rule(
    id="R-23",
    name="storage-portal-by-identity",
    title="The portal opens a storage account by the person's own rights",
    severity=Severity.LOW,
    levels=ADVICE,
    types=("storage:StorageAccount",),
    fix="Leave default_to_o_auth_authentication=True in infra/storage.py",
    sources=Sources(
        benchmark=("IM-1",),
        page="https://learn.microsoft.com/azure/storage/blobs/authorize-data-operations-portal",
    ),
    check=must_be("defaultToOAuthAuthentication", True, default=False),
)
