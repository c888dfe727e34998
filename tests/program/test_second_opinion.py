"""Checkov over everything that `dev` and `prod` declare in each network profile."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.program.azure.exports import template_of
from tests.program.azure.stacks import CONFIGURATIONS, declared
from tests.program.second_opinion.exemptions import Exemption, load, problems
from tests.program.second_opinion.scanner import Failed, scan
from tools.arm_template import SCHEMA

STACKS = [name for name in CONFIGURATIONS if name.startswith(("dev-", "prod-"))]
TODAY = datetime.date(2026, 11, 29)
FAILED = Failed("dev-open", "CKV_AZURE_42", "Microsoft.KeyVault/vaults.kv", "Ensure the key vault is recoverable")


def test_no_check_fails_without_a_reason_that_still_holds(tmp_path: Path) -> None:
    failed, passed = scan({name: template_of(declared(name)) for name in STACKS}, tmp_path)
    assert problems(failed, load(), datetime.date.today()) == []
    assert passed >= 20 * len(STACKS)


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    """The scanner reads such templates: an account of the worst kind fails what it should."""
    account: dict[str, Any] = {
        "type": "Microsoft.Storage/storageAccounts",
        "apiVersion": "2024-01-01",
        "name": "stopen",
        "location": "westeurope",
        "sku": {"name": "Standard_LRS"},
        "properties": {"supportsHttpsTrafficOnly": False, "minimumTlsVersion": "TLS1_0", "allowBlobPublicAccess": True},
    }
    failed, _ = scan({"dev-open": {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": [account]}}, tmp_path)
    assert {"CKV_AZURE_3", "CKV_AZURE_44"} <= {one.check for one in failed}
    assert {one.resource for one in failed} == {"Microsoft.Storage/storageAccounts.stopen"}


def exemption(**other: Any) -> Exemption:
    given = {"checks": ("CKV_AZURE_42",), "stacks": ("dev-*",), "resources": ("Microsoft.KeyVault/*",)}
    return Exemption(**{**given, "reason": "is meant", "until": datetime.date(2026, 11, 30), **other})


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (exemption(), []),
        (exemption(until=TODAY), ["exempted until 2026-11-29 only: is meant"]),
        (exemption(stacks=("prod-*",)), ["dev-open: Microsoft.KeyVault/vaults.kv fails", "take the exemption out"]),
        (exemption(resources=("Microsoft.Sql/*",)), ["dev-open: Microsoft.KeyVault/vaults.kv fails", "take the"]),
        (exemption(checks=("CKV_AZURE_42", "CKV_AZURE_1")), ["CKV_AZURE_1: no stack of dev-* fails it"]),
    ],
)
def test_an_exemption_is_for_one_check_in_one_place_until_a_day(one: Exemption, said: list[str]) -> None:
    found = problems([FAILED], [one], TODAY)
    assert len(found) == len(said)
    assert all(part in text for part, text in zip(said, found, strict=True))
