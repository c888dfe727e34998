"""The policy pack under the real engine: `pulumi preview --policy-pack policies`, and `make policy`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.local.engine_project import Project
from tools import policy_pack
from tools.policy import events_of
from tools.policy_events import PolicyEvents
from tools.progress import Progress
from tools.versions import ROOT

PROGRAM = """
from pulumi_azure_native import resources, storage

group = resources.ResourceGroup("group", resource_group_name="rg-toy", location="westeurope", tags={"owner": "me"})
storage.StorageAccount(
    "lake",
    account_name="sttoy",
    resource_group_name="rg-toy",
    sku={"name": "Standard_ZRS"},
    kind="StorageV2",
    location="westeurope",
    minimum_tls_version=group.id,
    allow_shared_key_access=True,
    allow_blob_public_access=False,
    is_local_user_enabled=False,
    default_to_o_auth_authentication=True,
    tags={"owner": "me"},
)
"""
CONFIG = {"environment": "dev", "owner": "me", "costCenter": "lab"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    policy_pack.prepare(Progress())
    made = Project(tmp_path_factory.mktemp("policy"), PROGRAM)
    for key, value in CONFIG.items():
        made.run("config", "set", f"mlops:{key}", value)
    return made


def found(events: PolicyEvents) -> set[tuple[str, str, str]]:
    """Rule, resource and level of each finding."""
    return {(one.rule, one.resource, one.level) for one in events.found}


def test_the_engine_runs_the_pack_and_the_stream_has_all_of_it(project: Project) -> None:
    events = events_of(project.cli(), [])
    assert found(events) >= {
        ("storage-no-shared-key", "lake", "mandatory"),
        ("storage-tls-https", "lake", "advisory"),
        ("group-tags", "group", "mandatory"),
        ("diagnostics", "lake", "advisory"),
    }
    deferred = [one for one in events.found if one.deferred]
    assert [(one.rule, one.message) for one in deferred if one.rule == "storage-tls-https"] == [
        ("storage-tls-https", "checked at update: minimumTlsVersion is known only then")
    ]
    (mended,) = events.mended
    assert (mended.rule, mended.resource) == ("required-tags", "lake")
    assert mended.message == "tags: application=mlops, cost-center=lab, environment=dev, managed-by=pulumi"
    assert events.errors == []


def test_plain_pulumi_says_rule_resource_and_what_to_do(project: Project) -> None:
    said = project.run("preview", "--policy-pack", str(ROOT / "policies"), code=1)
    assert "[mandatory] [severity: high]  storage-no-shared-key" in said
    assert "allowSharedKeyAccess is true, not false. Leave allow_shared_key_access=False in infra/storage.py" in said


def test_the_stack_file_has_the_last_word(project: Project) -> None:
    project.run("config", "set", "--path", "mlops:policy.overrides.storage-no-shared-key", "disabled")
    project.run("config", "set", "--path", "mlops:policy.overrides.T-02", "advisory")
    try:
        events = events_of(project.cli(), [])
    finally:
        project.run("config", "rm", "mlops:policy")
    assert not events.blocking
    assert ("group-tags", "group", "advisory") in found(events)
    assert "storage-no-shared-key" not in {one.rule for one in events.found}


def policy(stack: str, **words: str) -> subprocess.CompletedProcess[str]:
    """`make policy`, where nothing of a cloud is known."""
    secret = ("ARM_", "AZURE_", "IDENTITY_", "PULUMI_", "SSL_", "REQUESTS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(secret)}
    command = [sys.executable, "-m", "tools", "policy", stack]
    return subprocess.run(command, cwd=ROOT, env=kept | words, capture_output=True, text=True, timeout=300, check=False)


def test_the_stack_prod_passes_and_its_exemptions_are_shown() -> None:
    done = policy("prod")
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith("Policies of stack prod: nothing found, 1 is checked at update; ")
    assert "  M-06 image-by-digest: bike_buyer-rollout (image is known only then)" in rest
    assert any(line.startswith("  endpoint-signs-in for bike_buyer-endpoint until 2027-05-31: ") for line in rest)


def test_a_wrong_word_is_answered_in_a_line() -> None:
    done = policy("prod", PROFILE="closed")
    assert done.returncode == 1
    assert done.stderr.strip() == "error: PROFILE=closed: the network profiles are open, hybrid, private"
