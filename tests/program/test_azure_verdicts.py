"""Azure's own definitions on the bodies that our stacks send, in every profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.azure.verdict import Outcome
from tests.program.azure.verdicts import COMMAND, SNAPSHOT, by_stack, index, snapshot


@pytest.fixture(name="folder", scope="module")
def folder_fixture(data_directory: Path) -> Path:
    return data_directory / "azure-policy"


def test_the_verdicts_are_those_that_were_reviewed(folder: Path) -> None:
    assert sum(row["decidable"] == "yes" for row in index(folder).values()) == 171
    assert snapshot(folder) == SNAPSHOT.read_text(), f"{SNAPSHOT.name} is not current. Look at it, then: {COMMAND}"


def test_every_decidable_definition_is_decided(folder: Path) -> None:
    for found in by_stack(folder).values():
        assert [one for one in found if one.outcome is Outcome.REFUSED] == []
        assert [one.reason for one in found if "fails on" in one.reason] == []
        assert [
            one.reason for one in found if one.outcome is Outcome.UNDECIDED and "known only" not in one.reason
        ] == []


def test_what_azure_fills_in_is_told_apart_and_nothing_else(folder: Path) -> None:
    filled_in = {guid for guid, row in index(folder).items() if "server-populated" in row["caveat"]}
    apart = {
        one.definition
        for found in by_stack(folder).values()
        for one in found
        if one.outcome is Outcome.NOT_IN_BODY and one.resource_type
    }
    others = {
        one.definition for found in by_stack(folder).values() for one in found if one.outcome is not Outcome.NOT_IN_BODY
    }
    assert apart
    assert apart <= filled_in
    assert not others & filled_in


def test_every_verdict_says_what_to_do(folder: Path) -> None:
    for found in by_stack(folder).values():
        for one in found:
            assert one.reason or one.found or one.changes or one.outcome is Outcome.AUDIT, one
