"""The OpenAPI document says exactly what the server does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ml.jobkit import features
from ml.scoring.model.openapi import MODEL_STATUS
from tests.unit.scoring.running import Scoring, serving
from tests.unit.scoring.test_scoring_bodies import CASES


@pytest.fixture(scope="module")
def document(scoring: Scoring) -> dict[str, Any]:
    found: dict[str, Any] = scoring.ask("GET", "/swagger.json").json
    return found


def schema(document: dict[str, Any], name: str) -> Draft202012Validator:
    """A component with its references; OpenAPI 3.1 uses this draft of JSON Schema."""
    whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    Draft202012Validator.check_schema(whole)
    return Draft202012Validator(whole)


def test_the_document_is_whole(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"].keys() >= {"title", "version"}
    references = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])
    for name, one in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(one), name
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    for one in operations:
        assert all(
            re.fullmatch(r"\d{3}", status) and answer["description"] for status, answer in one["responses"].items()
        )


def test_every_path_of_it_is_answered(scoring: Scoring, document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        allowed = scoring.ask("OPTIONS", path).headers["allow"].lower().split(", ")
        assert set(operations) <= set(allowed)


def test_features_are_described(document: dict[str, Any], model: Path) -> None:
    properties = document["components"]["schemas"]["NamedRow"]["properties"]
    specification = features.load(model / "features.yaml")
    assert list(properties) == specification.names
    for feature in specification.features:
        said = properties[feature.name]
        assert said["description"].startswith(feature.description)
        assert feature.unit in said["description"]
        if feature.range:
            assert (said["minimum"], said["maximum"]) == feature.range
        else:
            assert said["anyOf"][0] == {"enum": list(feature.categories)}


def test_its_examples_are_valid_and_answered_as_it_says(scoring: Scoring, document: dict[str, Any]) -> None:
    content = document["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]
    assert content["examples"].keys() == {"named", "positional"}
    for example in content["examples"].values():
        schema(document, "Request").validate(example["value"])
        reply = scoring.ask("POST", "/score", example["value"])
        assert reply.status == 200
        schema(document, "Result").validate(reply.json)


def test_schema_and_server_refuse_the_same(scoring: Scoring, document: dict[str, Any], row: dict[str, Any]) -> None:
    validator = schema(document, "Request")
    values = list(row.values())
    bodies: list[Any] = [
        {"data": [row]},
        {"data": [values]},
        {"data": [row, values]},
        {"data": [row | {"Age": 38.0}]},
        {"data": [row | {"Occupation": "Astronaut"}]},
        {"data": [row | {"Age": 38.5}]},
        {"data": [row | {"Age": True}]},
        {"data": [row | {"Age": 15}]},
        {"data": [row | {"Age": None}]},
        {"data": [row | {"Age": "38"}]},
        {"data": [row | {"YearlyIncome": 1e7}]},
        {"data": [row | {"Country": 5}]},
        {"data": [row | {"more": 5}]},
        {"data": [{"Age": 38}]},
        {"data": [values[:-1]]},
        {"data": [[*values, 1]]},
        {"data": []},
        {"data": row},
        {"data": [row], "more": 1},
        {"data": [row], "warnings": True},
        {"data": [row], "warnings": "yes"},
        row,
        [row],
        {},
        [],
    ]
    for body in bodies:
        reply = scoring.ask("POST", "/score", body)
        assert (reply.status == 200) == validator.is_valid(body), (str(body)[:200], reply.body[:200])
        if reply.status != 200:
            schema(document, "Error").validate(reply.json)
        else:
            schema(document, "Result").validate(reply.json)
    assert sum(validator.is_valid(body) for body in bodies) == 6


def test_every_status_of_the_table_is_in_it(document: dict[str, Any]) -> None:
    said = document["paths"]["/score"]["post"]["responses"].keys()
    met = {str(case.status) for case in CASES if case.method == "POST"} - {"401"}  # of a server with a key
    assert {"200", "400", "413", "415"} <= met <= said


def test_what_an_online_endpoint_makes_of_an_answer_is_in_it(document: dict[str, Any]) -> None:
    operation = document["paths"]["/score"]["post"]
    wrapped = operation["responses"]["424"]
    assert wrapped["content"] == operation["responses"]["400"]["content"]
    assert MODEL_STATUS in wrapped["headers"]
    assert MODEL_STATUS in operation["description"]


def test_a_key_is_part_of_it(model: Path, tmp_path: Path) -> None:
    with serving(model, tmp_path / "log", scoring_key="k" * 20) as guarded:
        found = guarded.ask("GET", "/swagger.json").json
        assert found["paths"]["/score"]["post"]["security"] == [{"key": []}]
        assert found["components"]["securitySchemes"]["key"] == {"type": "http", "scheme": "bearer"}
        assert "401" in found["paths"]["/score"]["post"]["responses"]
        assert "k" * 20 not in json.dumps(found)
