"""The catalogue: what its rules tell people to write exists, and its facts are those of their sources."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import Settings
from ml.jobkit.tasks.kinds import contracts
from ml.system import find
from policies import initiative
from policies.catalogue import built_in_ids, rules
from policies.rule import Rule
from policies.rules.ml import floors
from policies.rules.retirement import table
from tests.program.recorder import ROOT

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_what_a_rule_tells_people_to_write_exists(rule: Rule) -> None:
    keys = {field.alias or name: field for name, field in Settings.model_fields.items()}
    for key, below in re.findall(r"mlops:(\w+)(?:: \{(\w+))?", rule.fix):
        assert key in keys, f"mlops:{key}"
        if below:
            fields = keys[key].annotation.model_fields  # type: ignore[union-attr]
            assert below in {field.alias or name for name, field in fields.items()}, f"mlops:{key}.{below}"
    for file in re.findall(r"(?:infra|ml|docs|policies)/[\w/]+\.\w+", rule.fix):
        assert (ROOT / file).is_file(), file


def test_every_rule_has_a_source_or_is_our_own_word() -> None:
    for rule in rules():
        assert all(GUID.fullmatch(one) for one in rule.sources.azure_policy), rule.name
        assert rule.sources.link or rule.id[0] in "TPMC", rule.name


def test_the_initiative_has_every_definition_but_those_that_want_values() -> None:
    listed = [one["policyDefinitionId"].rsplit("/", 1)[1] for one in initiative.initiative()["policyDefinitions"]]
    assert sorted(listed) == sorted(set(built_in_ids()) - initiative.LEFT_OUT)
    references = [one["policyDefinitionReferenceId"] for one in initiative.initiative()["policyDefinitions"]]
    assert len(references) == len(set(references))


def test_every_system_has_its_floors_recorded_as_its_gate_has_them() -> None:
    directions = {one.kind: one.directions for one in contracts()}
    folders = {path.parent.name for path in ROOT.glob("ml/systems/*/system.py")}
    assert set(floors()) == folders
    for name in folders:
        task = find(name).task
        words = {"higher": "at_least", "lower": "at_most"}
        assert floors()[name] == {key: {words[directions[task.kind][key]]: value} for key, value in task.floors.items()}


def facts() -> Iterator[tuple[str, str, str]]:
    """Day, page and what ends, of our own table."""
    for row in (*table()["features"], *table()["sizes"]):
        yield str(row["date"]), row["source"], row.get("what", row["value"])


def test_what_azure_ends_is_what_the_list_of_retirements_says(data_directory: Path) -> None:
    """Read where it lies; it is made of Azure/EOL and of notices of Microsoft's."""
    file = data_directory / "retirements" / "retirements.csv"
    known = {
        (row["date"], row["source_url"].partition("?view")[0]) for row in csv.DictReader(file.read_text().splitlines())
    }
    unknown = [what for day, page, what in facts() if (day, page) not in known]
    assert unknown == []
