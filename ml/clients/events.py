"""What happened to a system's versions: who or what promoted, kept, rejected or took back which one, when and why.

An append blob beside the system's other files in the workspace's storage, a line an event: every append is atomic, so
writers at the same time lose nothing and no line is ever half. It goes with those files when the system is destroyed.
"""

from __future__ import annotations

import base64
import getpass
import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from ml.clients.arm import manner
from ml.clients.cloud import load_cloud, token
from ml.clients.datastore import container
from ml.clients.errors import CloudError
from ml.clients.workspace import Workspace

Kind = Literal["promoted", "kept", "refused", "rejected", "lifted", "rolled_back"]
KINDS = get_args(Kind)
# Whoever reports must not wait for long: the report is a courtesy.
REQUEST_SECONDS = 10
APPLICATION = "application "
# Claims of a token that name a person, the best first: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
PERSON = ("upn", "preferred_username", "unique_name")


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def this_process() -> str:
    """Which program on which machine this is."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def who() -> str:
    """Who is signed in, or whose account of the machine this is, and which process.

    An application alone says nothing of the person: it is named after the account that uses it.
    """
    signed_in = principal()
    if signed_in.startswith(APPLICATION):
        signed_in = f"{account()} as {signed_in}"
    return f"{signed_in or account()}, {this_process()}"


def principal() -> str:
    """The signed-in person's name, or the application's id; empty where the token does not say, or nobody is signed in.

    The token is only read, for a name to show: whether it is valid is the cloud's business.
    """
    try:
        part = token(load_cloud().scope).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        name = next((str(claims[claim]) for claim in PERSON if claims.get(claim)), "")
        return name or (f"{APPLICATION}{claims['appid']}" if claims.get("appid") else "")
    except (CloudError, ValueError, LookupError, AttributeError):
        return ""


def account() -> str:
    """The account on this machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened.

    `kept` and `refused` are a gate's: its challenger did not go on. `promoted` is a version that got all traffic,
    `rejected` an image that a rollout took back, `rolled_back` a version that a person brought back, `lifted` a
    rejection that was taken back. `figures` are the version's, or the challenger's, on the holdout set.
    """

    kind: Kind
    version: int | None
    """None for a challenger that is not registered."""
    reason: str
    job: str = ""
    """The training job of the version, where it is known."""
    before: int | None = None
    """The version that served before, or that the challenger was judged against; None when there was none."""
    figures: Mapping[str, float] = field(default_factory=dict)
    time: str = field(default_factory=now)
    who: str = ""
    """Empty until it is written."""


class Events:
    """The history of one system."""

    def __init__(self, workspace: Workspace, system: str) -> None:
        self.workspace = workspace
        self.path = f"systems/{system}/history/events.jsonl"

    def append(self, event: Event) -> str:
        """Adds an event. What it reports has happened already, so nothing is raised: why it could not be written, empty
        when it was.
        """
        from azure.core.exceptions import AzureError

        written = replace(event, who=event.who or who())
        line = json.dumps(asdict(written)).encode() + b"\n"
        try:
            with manner(patience=0.0, seconds=REQUEST_SECONDS):
                self._append(line)
        except (CloudError, AzureError) as error:
            return f"the history of the system could not be written ({error})"
        return ""

    def list(self) -> list[Event]:
        """All events, oldest first.

        Raises:
            CloudError: they cannot be read.
        """
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            with container(self.workspace) as client:
                content = client.download_blob(self.path).readall()
        except ResourceNotFoundError:
            return []
        except AzureError as error:
            raise CloudError(f"{self.path} cannot be read: {error}") from None
        found = [parse(line) for line in content.splitlines()]
        return [event for event in found if event is not None]

    def newest(self, *kinds: Kind) -> Event | None:
        """The newest event of one of these kinds.

        Raises:
            CloudError: they cannot be read.
        """
        return next((event for event in reversed(self.list()) if event.kind in kinds), None)

    def _append(self, line: bytes) -> None:
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

        limits: dict[str, Any] = {"retry_total": 1, "connection_timeout": REQUEST_SECONDS, "timeout": REQUEST_SECONDS}
        with container(self.workspace) as client:
            blob = client.get_blob_client(self.path)
            try:
                blob.append_block(line, **limits)
                return
            except ResourceNotFoundError:
                pass  # the first event of the system
            with suppress(ResourceExistsError, ResourceModifiedError):  # another writer was quicker
                blob.create_append_blob(match_condition=MatchConditions.IfMissing, **limits)
            blob.append_block(line, **limits)


def parse(line: bytes) -> Event | None:
    """One line; None for a line of another version of this project that says something else."""
    try:
        value = json.loads(line)
        known = {one.name: value[one.name] for one in fields(Event) if one.name in value}
        return Event(**known) if known["kind"] in KINDS else None
    except (ValueError, LookupError, TypeError):
        return None
