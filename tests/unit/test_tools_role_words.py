"""What is said of Azure's roles in the diagram and on the page of roles."""

from __future__ import annotations

import pytest

from emulator.roles import BUILT_IN
from infra.role_assignments import Role
from tools.role_words import MANAGES, READS, WORDS, WRITES, words_of

CHANGES = (
    ("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write", True),
    ("Microsoft.KeyVault/vaults/secrets/setSecret/action", True),
    ("Microsoft.MachineLearningServices/workspaces/jobs/write", False),
    ("Microsoft.ContainerRegistry/registries/push/write", False),
    ("Microsoft.Storage/storageAccounts/write", False),
    ("Microsoft.Authorization/roleAssignments/write", False),
)


@pytest.mark.parametrize("role", Role)
def test_every_role_that_is_given_has_words_and_azures_name(role: Role) -> None:
    words = WORDS[role.value]
    assert words.word
    assert words.allows
    assert len(words.word) <= 9, "a column of the diagram is as wide as that"
    if known := BUILT_IN.get(role.value):
        assert words.name == known.name


def test_whoever_only_reads_changes_nothing() -> None:
    for one, words in WORDS.items():
        if words.strength == READS and one in BUILT_IN:
            for action, data in CHANGES:
                assert not any(part.grants(action, data=data) for part in BUILT_IN[one].permissions), words.name


def test_words_are_told_apart() -> None:
    assert len({words.word for words in WORDS.values()}) == len(WORDS)
    assert {words.strength for words in WORDS.values()} == {READS, WRITES, MANAGES}
    assert words_of("a-role-of-somebody").name == "a-role-of-somebody"
