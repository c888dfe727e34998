"""The OpenAPI 3.1 document of a model's service, made from `features.yaml`, the graph's outputs and golden requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml.jobkit.features import Feature
from ml.scoring import fields

if TYPE_CHECKING:
    from ml.scoring.model.loading import Model
    from ml.scoring.model.self_check import Golden
    from ml.scoring.settings import Settings

EXAMPLES = 2
KINDS = {
    "tensor(float)": {"type": "number"},
    "tensor(double)": {"type": "number"},
    "tensor(int64)": {"type": "integer"},
    "tensor(int32)": {"type": "integer"},
    "tensor(bool)": {"type": "boolean"},
    "tensor(string)": {"type": "string"},
}
REFUSALS = {
    "400": "The request is not valid; the error names row and field",
    "408": "The request did not arrive in time",
    "413": "The body is too large or has too many rows",
    "415": "The content is not JSON in UTF-8",
    "417": "An expectation other than 100-continue",
    "424": "Behind an Azure ML online endpoint: any answer of this list but 200, with the same body",
    "431": "The headers, or an id among them, are too long",
    "500": "The server or the model failed",
    "503": "Too busy or not ready; may be sent again",
    "504": "No result in time",
}
MODEL_STATUS = "ms-azureml-model-error-statuscode"
"""The header in which an Azure ML online endpoint says what the model's server answered:
https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#http-status-codes."""
REACHED = f"""An answer of 200 has results; every other one has an error. Asked directly, the server answers with the
status that fits. Behind an Azure ML online endpoint that status is in the header `{MODEL_STATUS}` and the
answer is 424, with the same body; 401, 404, 408, 413, 429 and 503 without an error in JSON are the endpoint's own."""


def document(model: Model, golden: Golden, settings: Settings) -> dict[str, Any]:
    """The whole document."""
    identity, specification = model.identity, model.specification
    schemes: dict[str, Any] = {}
    if settings.scoring_key:
        schemes = {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": identity.name,
            "version": str(identity.version),
            "description": f"{specification.description} Label: {specification.label.description}.",
        },
        "paths": {
            "/score": {"post": _score(model, golden, secured=bool(schemes))},
            "/": {"get": _read("live", "The process works", "text/plain", {"type": "string"})},
            "/ready": {"get": _read("ready", "The model is loaded and has passed its self-check")},
            "/version": {"get": _read("version", "Where the model comes from")},
        },
        "components": {"schemas": _schemas(model, settings), **schemes},
    }


def _score(model: Model, golden: Golden, *, secured: bool) -> dict[str, Any]:
    security: dict[str, Any] = {"security": [{"key": []}]} if secured else {}
    refusals = REFUSALS | ({"401": "The key is missing or wrong"} if secured else {})
    warning = {"description": "Which unknown categories were accepted", "schema": {"type": "string"}}
    return {
        "operationId": "score",
        "summary": model.specification.description,
        "description": REACHED.replace("\n", " "),
        **security,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _reference("Request"), "examples": _examples(golden)}},
        },
        "responses": {
            "200": {
                "description": "One result for each row, in the same order",
                "headers": {"x-scoring-warning": warning},
                "content": _json(_reference("Result")),
            },
            **{
                status: {"description": text, **_headers(status), "content": _json(_reference("Error"))}
                for status, text in sorted(refusals.items())
            },
        },
    }


def _headers(status: str) -> dict[str, Any]:
    if status != "424":
        return {}
    return {"headers": {MODEL_STATUS: {"description": "The status of this list", "schema": {"type": "integer"}}}}


def _examples(golden: Golden) -> dict[str, Any]:
    named = [case["request"] for case in golden.cases[:EXAMPLES]]
    positional = [list(row.values()) for row in named]
    return {
        "named": {"summary": "rows with named fields", "value": {"data": named}},
        "positional": {"summary": "rows with values in order", "value": {"data": positional}},
    }


def _read(name: str, text: str, kind: str = "application/json", schema: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {kind: {"schema": schema or {"type": "object"}}}
    return {"operationId": name, "summary": text, "responses": {"200": {"description": text, "content": content}}}


def _schemas(model: Model, settings: Settings) -> dict[str, Any]:
    features = model.specification.features
    values = [_feature(feature) for feature in features]
    outputs = {one.name: model.answer.get(one.name, KINDS.get(one.type, {})) for one in model.session.get_outputs()}
    rows = {"anyOf": [_reference("NamedRow"), _reference("PositionalRow")]}
    asked = {"type": "boolean", "default": False, "description": "whether the answer lists unknown categories"}
    return {
        "Request": _object(
            {"data": {"type": "array", "items": rows, "minItems": 1, "maxItems": settings.max_rows}},
            {"warnings": asked},
        ),
        "NamedRow": _object({feature.name: value for feature, value in zip(features, values, strict=True)}),
        "PositionalRow": {
            "type": "array",
            "description": ", ".join(feature.name for feature in features),
            "prefixItems": values,
            "items": False,
            "minItems": len(values),
        },
        "Result": _object(
            {
                "result": {"type": "array", "items": _object(outputs)},
                "model": {"const": model.identity.name},
                "version": {"const": model.identity.version},
            },
            {"warnings": {"type": "array", "items": _warned(), "description": "only when the request asks for them"}},
        ),
        "Error": _object({"error": _error()}),
    }


def _warned() -> dict[str, Any]:
    return _object(
        {
            "code": {"const": "unknown_category", "description": "the value was taken as none of the known ones"},
            "row": {"type": "integer", "description": "index in data, counted from 0"},
            "field": {"type": "string"},
        }
    )


def _error() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "code": {"type": "string", "description": "stable, for programs"},
            "message": {"type": "string", "description": "for people"},
            "row": {"type": "integer", "description": "index in data, counted from 0"},
            "field": {"type": "string"},
            "example": {**_reference("Request"), "description": "a body that is answered"},
        },
        "required": ["code", "message"],
    }


def _feature(feature: Feature) -> dict[str, Any]:
    text = feature.description + (f" ({feature.unit})" if feature.unit else "")
    if feature.is_text and feature.unknown == "zeros":
        text += "; another text is taken as none of these, with a warning"
    return {"description": text} | fields.of(feature).described(feature)


def _object(properties: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties | (optional or {}),
        "required": list(properties),
        "additionalProperties": False,
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
