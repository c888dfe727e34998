"""Who may do what: one question (principal, action, scope), asked wherever a signed-in client is let through.

Answered as Azure answers it: from the role assignments on the resource and above it, by the definitions of their roles.
Nobody may do anything without one. Keys and shared access signatures made with them carry their own permission and are
not asked about.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from emulator.conditions import NO_ATTRIBUTES, Condition, Question, read_condition
from emulator.entra.directory import DEVELOPER, groups_of
from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.roles import BUILT_IN, OWNER, Permission, permissions_of
from emulator.settings import SUBSCRIPTION_ID
from emulator.store import Store

ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
ROLE_DEFINITION = "Microsoft.Authorization/roleDefinitions"

PULL_IMAGE = "Microsoft.ContainerRegistry/registries/pull/read"
PUSH_IMAGE = "Microsoft.ContainerRegistry/registries/push/write"
SEND_TELEMETRY = "Microsoft.Insights/Telemetry/Write"
QUERY_LOGS = "Microsoft.OperationalInsights/workspaces/query/read"
SCORE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action"
BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
SECRETS = "Microsoft.KeyVault/vaults/secrets"

ARM_ACTIONS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION_ID}"
MOST_ANSWERS = 20_000
"""Kept at once; more start afresh."""


@dataclass(frozen=True)
class Assignment:
    """A role of a principal on a scope and below it; `role` is the id of its definition. It counts from `since` on
    (seconds since the epoch), for what its condition lets through.
    """

    principal_id: str
    role: str
    scope: str
    since: float = 0.0
    condition: str = ""


BOOTSTRAP = Assignment(DEVELOPER.object_id, OWNER, SUBSCRIPTION)
"""Whoever makes a subscription owns it. Owner is no right to data: that comes from assignments, as on Azure."""


@dataclass(frozen=True)
class Grant:
    """What an assignment lets somebody do; `scope` in lower case."""

    scope: str
    permissions: Sequence[Permission]
    condition: Condition | None

    def covers(self, question: Question, key: str, *, data: bool) -> bool:
        """Whether the answer to a question about a resource, by its id in lower case, is in here."""
        return (
            (key == self.scope or key.startswith(self.scope + "/"))
            and any(permission.grants(question.action, data=data) for permission in self.permissions)
            and (self.condition is None or self.condition(question))
        )


@dataclass
class Snapshot:
    """The assignments of one moment by principal, and the answers given since."""

    versions: tuple[int, ...]
    until: float
    grants: Mapping[str, Sequence[Grant]]
    answers: dict[tuple[str, str, bool, str], bool] = field(default_factory=dict)


class Access:
    """Answers from the role assignments and role definitions in the store.

    An answer is found again by its question until an assignment or definition changes.

    Args:
        delay: seconds that a new assignment takes to count, as on Azure; 0 for at once.
    """

    def __init__(self, store: Store, delay: float = 0.0) -> None:
        self._store = store
        self._delay = delay
        self._snapshot = Snapshot((), 0.0, {})

    def allows(self, principal_id: str, action: str, scope: str, attributes: Mapping[str, str] = NO_ATTRIBUTES) -> bool:
        """Whether a principal (by its object id) may do something to a resource (by its ARM id).

        Args:
            attributes: what conditions of assignments ask about, as in `emulator.conditions.Question`.
        """
        if attributes:
            return self._work_out(self._current(), principal_id, Question(action, attributes), scope, data=False)
        return self._answer(principal_id, action, scope, data=False)

    def allows_data(self, principal_id: str, action: str, scope: str) -> bool:
        """The same for what Azure calls a data action: Owner and Contributor have none."""
        return self._answer(principal_id, action, scope, data=True)

    def require(
        self, principal: Principal, action: str, scope: str, attributes: Mapping[str, str] = NO_ATTRIBUTES
    ) -> None:
        """Lets a request pass.

        Raises:
            ServiceError: 403 as ARM words it; services with words of their own ask `allows`.
        """
        if not self.allows(principal.object_id, action, scope, attributes):
            message = (
                f"The client '{principal.client_id}' with object id '{principal.object_id}' does not have "
                f"authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access "
                "was recently granted, please refresh your credentials."
            )
            raise ServiceError(403, "AuthorizationFailed", message)

    def require_linked(self, principal: Principal, action: str, scope: str, needed: str, linked: str) -> None:
        """Lets a request pass that makes one resource use another one.

        Raises:
            ServiceError: 403 as ARM words it.
        """
        if not self.allows(principal.object_id, needed, linked):
            message = (
                f"The client '{principal.client_id}' with object id '{principal.object_id}' has permission to perform "
                f"action '{action}' on scope '{scope}'; however, it does not have permission to perform action(s) "
                f"'{needed}' on the linked scope(s) '{linked}' (respectively) or the linked scope(s) are invalid."
            )
            raise ServiceError(403, "LinkedAuthorizationFailed", message)

    def _answer(self, principal_id: str, action: str, scope: str, *, data: bool) -> bool:
        snapshot = self._current()
        question = (principal_id, action, data, scope)
        answer = snapshot.answers.get(question)
        if answer is None:
            if len(snapshot.answers) > MOST_ANSWERS:
                snapshot.answers.clear()
            asked = Question(action, NO_ATTRIBUTES)
            answer = snapshot.answers[question] = self._work_out(snapshot, principal_id, asked, scope, data=data)
        return answer

    def _work_out(self, snapshot: Snapshot, principal_id: str, question: Question, scope: str, *, data: bool) -> bool:
        key = scope.lower().rstrip("/")
        return any(
            grant.covers(question, key, data=data)
            for one in (principal_id.lower(), *groups_of(principal_id))
            for grant in snapshot.grants.get(one, ())
        )

    def _current(self) -> Snapshot:
        """The snapshot of now, taken again when something changed or an assignment has begun to count."""
        snapshot, versions = self._snapshot, self._store.versions((ROLE_ASSIGNMENT, ROLE_DEFINITION))
        if snapshot.versions != versions or (self._delay and time.time() >= snapshot.until):
            snapshot = self._snapshot = self._take(versions)
        return snapshot

    def _take(self, versions: tuple[int, ...]) -> Snapshot:
        now, until = time.time(), float("inf")
        grants: dict[str, list[Grant]] = defaultdict(list)
        for one in self._assignments():
            if one.since > now:
                until = min(until, one.since)
            elif permissions := self._permissions(one.role):
                condition = read_condition(one.condition) if one.condition else None
                grant = Grant(one.scope.lower().rstrip("/"), permissions, condition)
                grants[one.principal_id.lower()].append(grant)
        return Snapshot(versions, until, dict(grants))

    def _assignments(self) -> Iterator[Assignment]:
        yield BOOTSTRAP
        for document in self._store.of_type(ROLE_ASSIGNMENT):
            role = document.properties["roleDefinitionId"].rpartition("/")[2]
            scope, since = document.resource.scope or "", document.created + self._delay if self._delay else 0.0
            condition = document.properties.get("condition") or ""
            yield Assignment(document.properties["principalId"], role, scope, since, condition)

    def _permissions(self, role: str) -> Sequence[Permission]:
        """What a role grants: Azure's, else one of the subscription's own; nothing when there is none."""
        if found := BUILT_IN.get(role.lower()):
            return found.permissions
        own = self._store.get(f"{SUBSCRIPTION}/providers/{ROLE_DEFINITION}/{role}")
        return permissions_of(own.properties) if own else ()


def arm_action(method: str, resource_type: str, name: str) -> str:
    """The action of a request to Resource Manager; `name` is that of a POST."""
    if resource_type.lower() == "microsoft.resources/resourcegroups":
        resource_type = "Microsoft.Resources/subscriptions/resourceGroups"
    return f"{resource_type}/{ARM_ACTIONS.get(method) or f'{name}/action'}"
