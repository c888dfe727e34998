"""Holds request bodies to Azure's published models."""

from __future__ import annotations

from typing import Any

from emulator.errors import ServiceError
from emulator.http import Request
from emulator.resource_id import ResourceId
from emulator.resource_types import Problem, ResourceTable, check_body, check_path

MOST_DETAILS = 20


def validate(resource: ResourceId, body: dict[str, Any], request: Request) -> None:
    """400 that names every problem when names or body break the published model.

    The table describes one API version of a type. Bodies of other versions are not held to it: what those may say, no
    package
    on this machine tells.
    """
    entry = ResourceTable.load().entry_for_path(request.method, resource.text)
    if entry is None:
        return
    problems = list(check_path(entry, resource.text))
    if request.query["api-version"] == entry.api_version:
        problems += check_body(entry, body)
    if problems:
        raise invalid(resource, problems)


def invalid(resource: ResourceId, problems: list[Problem]) -> ServiceError:
    """The error with one detail a problem."""
    shown = problems[:MOST_DETAILS]
    message = f"The request for '{resource.name}' ({resource.type}) is invalid: " + "; ".join(
        str(problem) for problem in shown
    )
    details = [{"code": problem.code, "target": problem.where, "message": str(problem)} for problem in shown]
    return ServiceError(400, "InvalidRequestContent", message, target=resource.text, details=details)
