"""What Azure's built-in roles allow, in a word for a table and in a few for a page.

What a role allows in full is in Azure's list of built-in roles
(https://learn.microsoft.com/azure/role-based-access-control/built-in-roles).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

READS, WRITES, MANAGES = "reads", "writes", "manages"


@dataclass(frozen=True)
class RoleWords:
    """`name` as the portal has it; `strength` is one of READS, WRITES, MANAGES."""

    name: str
    word: str
    strength: str
    allows: str


WORDS: Mapping[str, RoleWords] = MappingProxyType(
    {
        "b24988ac-6180-42a0-ab88-20f7382dd24c": RoleWords(
            "Contributor", "manage", MANAGES, "makes, changes and deletes resources; no roles, no data"
        ),
        "acdd72a7-3385-48ef-bd42-f606fba81ae7": RoleWords(
            "Reader", "look", READS, "sees resources and their settings; no data"
        ),
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168": RoleWords(
            "Role Based Access Control Administrator", "roles", MANAGES, "gives and takes roles"
        ),
        "4abbcc35-e782-43d8-92c5-2d3f1bd2253f": RoleWords(
            "Azure Kubernetes Service Cluster User Role", "connect", READS, "fetches the cluster's address"
        ),
        "577a9874-89fd-4f24-9dbd-b5034d0ad23a": RoleWords(
            "Container Registry Data Importer and Data Reader",
            "import",
            WRITES,
            "imports images from other registries, and pulls images",
        ),
        "7f951dda-4ed3-4680-a7ca-43fe172d538d": RoleWords("AcrPull", "pull", READS, "pulls images"),
        "1823dd4f-9b8c-4ab6-ab4e-7397a3684615": RoleWords(
            "AzureML Registry User", "models", WRITES, "reads and writes models, environments and data of a registry"
        ),
        "f6c7c914-8db3-469d-8ca1-694a8f32e121": RoleWords(
            "AzureML Data Scientist",
            "work",
            WRITES,
            "everything in a workspace but making or deleting compute, and changing the workspace",
        ),
        "dfce44e4-17b7-4bd1-a6d1-04996ec95633": RoleWords(
            "Device Provisioning Service Data Contributor", "enrol", WRITES, "enrols devices"
        ),
        "b556d68e-0be0-4f35-a333-ad7ee1ce17ea": RoleWords(
            "Azure AI Enterprise Network Connection Approver",
            "approve",
            MANAGES,
            "accepts private endpoints that are asked for",
        ),
        "4fc6c259-987e-4a07-842e-c321cc9d413f": RoleWords(
            "IoT Hub Data Contributor", "devices", WRITES, "registers devices, talks to them, deploys to them"
        ),
        "00482a5a-887f-4fb3-b363-3b7fe8e74483": RoleWords(
            "Key Vault Administrator", "admin", MANAGES, "reads and writes keys, secrets and certificates"
        ),
        "12338af0-0e69-4776-bea7-57ae8d297424": RoleWords(
            "Key Vault Crypto User", "use keys", WRITES, "encrypts, decrypts and wraps with keys; sees none"
        ),
        "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": RoleWords(
            "Key Vault Secrets Officer", "secrets", WRITES, "reads and writes secrets"
        ),
        "f1a07417-d97a-45cb-824c-7a7467783830": RoleWords(
            "Managed Identity Operator", "assign", MANAGES, "gives an identity to a resource"
        ),
        "3913510d-42f4-4e42-8a64-420c390055eb": RoleWords(
            "Monitoring Metrics Publisher", "send", WRITES, "sends telemetry"
        ),
        "db58b8e5-c6ad-4a2a-8342-4190687cbf4a": RoleWords(
            "Storage Blob Delegator", "delegate", READS, "gets a key that signs short-lived passes"
        ),
        "4d97b98b-1d4f-4787-a291-c67834d212e7": RoleWords(
            "Network Contributor", "join", MANAGES, "manages networks, and what joins them"
        ),
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe": RoleWords(
            "Storage Blob Data Contributor", "write", WRITES, "reads, writes and deletes blobs"
        ),
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": RoleWords(
            "Storage Blob Data Reader", "read", READS, "reads and lists blobs"
        ),
        "8a0f0c08-91a1-4084-bc3d-661d67233fed": RoleWords(
            "Storage Queue Data Message Processor", "take", WRITES, "takes and deletes messages of queues"
        ),
        "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": RoleWords(
            "Storage Queue Data Message Sender", "put", WRITES, "puts messages into queues"
        ),
        "69566ab7-960f-475b-8e7c-b3118f30c6bd": RoleWords(
            "Storage File Data Privileged Contributor", "files", WRITES, "reads, writes and deletes files of shares"
        ),
    }
)


def words_of(role_id: str) -> RoleWords:
    """The words for a role; for one that is not in the table its id."""
    return WORDS.get(role_id.lower()) or RoleWords(role_id, "own role", WRITES, "what its definition says")
