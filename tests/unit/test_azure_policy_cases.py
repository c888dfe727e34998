"""Microsoft's own definitions: every decided case, and what is read of each definition."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from policies.azure.assignment import Assigned
from policies.azure.folder import read_folder
from policies.azure.judging import Judgement, Policies
from policies.azure.subject import Facts, Subject
from policies.azure.values import negated


@pytest.fixture(name="folder", scope="module")
def folder_fixture(data_directory: Path) -> Path:
    return data_directory / "azure-policy"


@cache
def policies(folder: Path) -> Policies:
    return read_folder(folder)


def rows(folder: Path) -> dict[str, dict[str, str]]:
    """The rows of the index by GUID."""
    return {row["guid"]: row for row in csv.DictReader((folder / "index.csv").read_text().splitlines())}


def noncompliant(case: dict[str, Any], everything: Policies) -> Any:
    body = {key: value for key, value in case["body"].items() if key not in ("type", "apiVersion")}
    given = body.get("id") or f"/subscriptions/0/resourceGroups/rg/providers/x/{body.get('name', '')}"
    subject = Subject(given, case["body"]["type"], case["body"]["apiVersion"], body)
    (found,) = [one for one in everything.assigned if one.definition.name == case["guid"]]
    values = {key.lower(): value for key, value in case["parameters"].items()}
    judgement = Judgement(Assigned(found.definition, values), subject, Facts(sent=True), everything.aliases)
    truth = judgement.answer().truth
    existence = judgement.rule.effect.existence
    return negated(existence.judge(judgement.context).truth) if truth is True and existence else truth


def test_every_decided_case(folder: Path) -> None:
    cases = json.loads((folder / "cases.json").read_text())
    wrong = {
        case["id"]: (found, case["expected"], case["why"])
        for case in cases
        if (found := noncompliant(case, policies(folder))) is not (case["expected"] == "noncompliant")
    }
    assert len(cases) == 139
    assert wrong == {}


def test_every_definition_is_read_whole(folder: Path) -> None:
    everything = policies(folder).assigned
    assert {one.definition.name for one in everything} == rows(folder).keys()
    assert {one.definition.title: one.definition.problem for one in everything if one.definition.problem} == {}
    assert not [one for one in everything if one.definition.by_service]


def test_the_types_at_the_top_of_a_rule_are_those_of_the_index(folder: Path) -> None:
    types = {guid: row["resource_types"].lower().split(";") for guid, row in rows(folder).items()}
    for one in policies(folder).assigned:
        rule = one.definition.rule
        assert rule is not None
        if rule.types is not None:
            assert sorted(rule.types) == sorted(types[one.definition.name]), one.definition.title
