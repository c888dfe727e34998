"""Reads a stack's configuration into a typed model, and says in words a person can act on what is wrong with it."""

from __future__ import annotations

import collections.abc
import json
import os
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin
from uuid import UUID

import pulumi
from pulumi.runtime import config as raw_config
from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

DATA_VARIABLE = "MLOPS_DATA_DIR"
RETIRE_VARIABLE = "MLOPS_RETIRE"
PLACEHOLDER = UUID(int=0)

Model = TypeVar("Model", bound=BaseModel)


def settings_error(problems: Sequence[str]) -> pulumi.RunError:
    """One message for all problems; the CLI prints it without a traceback."""
    listed = "\n".join(f"  - {problem}" for problem in problems)
    return pulumi.RunError(f"The configuration of stack {pulumi.get_stack()!r} cannot be used:\n{listed}")


def read(model: type[Model]) -> Model:
    """The stack's configuration (namespace: the project's name) as `model`. The variable MLOPS_DATA_DIR fills
    `data.directory`, and MLOPS_RETIRE adds to `retire`.

    Raises:
        pulumi.RunError: everything that is wrong.
    """
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    raw = _own_keys()
    values = {key: _parse(text) for key, text in raw.items() if key in fields}
    if misplaced := _use_secrets(fields, values):
        # Before anything else looks at the values: no later message may show one of these.
        raise settings_error(misplaced)
    problems = [_unknown(key, fields) for key in raw if key not in fields]
    problems += _use_data_variable(fields, values)
    _use_retire_variable(fields, values)
    try:
        settings = model.model_validate(values)
    except ValidationError as error:
        problems += [_describe(model, details) for details in error.errors(include_url=False)]
        raise settings_error(problems) from None
    if problems:
        raise settings_error(problems)
    return settings


def check_placeholders(settings: BaseModel) -> None:
    """Refuses ids that are all zeros: they let a preview run before anybody has chosen a subscription, but nothing
    more.

    Raises:
        pulumi.RunError: names the keys.
    """
    problems = [
        f"{_full(path)} = {PLACEHOLDER}: still the placeholder. Write: {_command(path, field)}"
        for path, field in _placeholders(settings)
    ]
    if problems:
        raise settings_error(problems)


def _placeholders(section: BaseModel, above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Path and field of every id that is all zeros, in sections of sections too."""
    for name, field in type(section).model_fields.items():
        value, path = getattr(section, name), f"{above}{field.alias or name}"
        if value == PLACEHOLDER:
            yield path, field
        elif isinstance(value, BaseModel):
            yield from _placeholders(value, f"{path}.")


def is_secret(field: FieldInfo) -> bool:
    """Whether a field is a secret: its type is `Output[str]`."""
    kinds = (field.annotation, *get_args(field.annotation))
    return any(pulumi.Output in (kind, get_origin(kind)) for kind in kinds)


def _own_keys() -> dict[str, str]:
    prefix = f"{pulumi.get_project()}:"
    everything = {**raw_config.get_config_env(), **raw_config.CONFIG.get()}
    return {key.removeprefix(prefix): value for key, value in sorted(everything.items()) if key.startswith(prefix)}


def _full(key: str | None) -> str:
    return f"{pulumi.get_project()}:{key}"


def _parse(text: str) -> Any:
    """Objects and lists arrive as JSON text; everything else is text that pydantic converts."""
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _use_secrets(fields: Mapping[str, FieldInfo], values: dict[str, Any]) -> list[str]:
    """Replaces each secret's text by an Output; refuses text where a secret belongs, and the reverse.

    A preview takes text: one that has no key to decrypt with gets a stand-in for each secret, and it stores nothing.
    """
    problems = []
    for key in list(values):
        encrypted = raw_config.is_config_secret(_full(key))
        if is_secret(fields[key]):
            values[key] = pulumi.Config().require_secret(key)
            if not encrypted and not pulumi.runtime.is_dry_run():
                problems.append(f"{_full(key)} is a secret in plain text. Write: {_command(key, fields[key])}")
        elif encrypted:
            problems.append(
                f"{_full(key)} is encrypted, but it is no secret: it would end in plain text. Set it without --secret."
            )
    return problems


def _use_data_variable(fields: Mapping[str, FieldInfo], values: dict[str, Any]) -> list[str]:
    folder = os.environ.get(DATA_VARIABLE)
    if not folder or "data" not in fields:
        return []
    if not Path(folder).is_dir():
        return [f"{DATA_VARIABLE} = {folder!r}: there is no such folder. Name the data's folder, or unset it."]
    data = values.get("data", {})
    values["data"] = {**data, "directory": folder} if isinstance(data, dict) else data
    return []


def _use_retire_variable(fields: Mapping[str, FieldInfo], values: dict[str, Any]) -> None:
    """Names separated by commas; people also write a system with hyphens, as its endpoint has it."""
    names = [name.strip().replace("-", "_") for name in os.environ.get(RETIRE_VARIABLE, "").split(",") if name.strip()]
    retired = values.get("retire", [])
    if names and "retire" in fields and isinstance(retired, list):
        values["retire"] = [*retired, *(name for name in names if name not in retired)]


def _unknown(key: str, known: Mapping[str, FieldInfo]) -> str:
    near = get_close_matches(key, known, n=1)
    hint = f"Did you mean {_full(near[0])}? " if near else ""
    return f"{_full(key)}: there is no such setting. {hint}Write: pulumi config rm {_full(key)}{_stack()}"


def _describe(model: type[BaseModel], details: ErrorDetails) -> str:
    """One problem found by pydantic: the key, the value, what is wrong, what the key means, what to write."""
    if not details["loc"]:
        return details["msg"].removeprefix("Value error, ")
    place = details["loc"]
    if place[-1] == "[key]":  # of a mapping: its last part but one is the input
        place = place[:-2]
    path = ".".join(str(part) for part in place)
    field = _field_at(model, place)
    reason = details["msg"].removeprefix("Value error, ")
    if details["type"] == "missing":
        start = f"{_full(path)} is missing"
    elif details["type"] == "extra_forbidden":
        fix = f"Write: pulumi config rm --path '{_full(path)}'{_stack()}"
        if instead := _gone_at(model, place):
            return f"{_full(path)}: there is no such setting any more: {instead}. {fix}"
        near = get_close_matches(str(place[-1]), _keys_at(model, place[:-1]), n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        return f"{_full(path)}: there is no such setting. {hint}{fix}"
    elif field is not None and is_secret(field):
        start = f"{_full(path)} cannot be read"
    else:
        start = f"{_full(path)} = {_shown(details['input'])}: {reason}"
    if field is None:
        return start
    return f"{start}. It is: {field.description}. Write: {_command(path, field)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _field_at(model: type[BaseModel], path: Sequence[int | str]) -> FieldInfo | None:
    """The innermost described field on a path such as ("gate", "waitMinutes") or ("systems", 0)."""
    return _at(model, path)[0]


def _keys_at(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """The keys that may stand at a path."""
    kind = _at(model, path)[1]
    return [field.alias or name for name, field in kind.model_fields.items()] if _is_model(kind) else []


def _gone_at(model: type[BaseModel], path: Sequence[int | str]) -> str:
    """What does the work of a key that a section had once; "" when it never had it."""
    kind = _at(model, path[:-1])[1]
    return str(getattr(kind, "gone", {}).get(path[-1], ""))


def _at(model: type[BaseModel], path: Sequence[int | str]) -> tuple[FieldInfo | None, Any]:
    """The field on a path and the type of what stands there. A value of a mapping is no field."""
    found: FieldInfo | None = None
    current: Any = model
    for part in path:
        if _is_mapping(current):
            found, current = None, get_args(current)[1]
            continue
        if not _is_model(current):
            break
        found = next((field for name, field in current.model_fields.items() if part in (field.alias, name)), None)
        current = found.annotation if found else None
    return found, current


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) is collections.abc.Mapping


def _command(path: str | None, field: FieldInfo) -> str:
    if is_secret(field):
        return f"pulumi config set --secret {_full(path)}{_stack()}"
    example = (field.examples or ["<value>"])[0]
    key = [part for part in (path or "").split(".") if not part.isdigit()]
    if isinstance(example, list) and len(key) > 1:  # Pulumi does not make a list inside an object
        above, file = _full(".".join(key[:-1])), f"stacks/Pulumi.{pulumi.get_stack()}.yaml"
        return f"`{key[-1]}: {json.dumps(example)}` below `{above}:` in {file}"
    if isinstance(example, list):
        index = next((part for part in (path or "").split(".") if part.isdigit()), "0")
        return f"pulumi config set --path '{_full(key[0])}[{index}]' {example[0]}{_stack()}"
    if len(key) > 1:
        return f"pulumi config set --path '{_full(path)}' {example}{_stack()}"
    return f"pulumi config set {_full(path)} {example}{_stack()}"


def _stack() -> str:
    return f" --stack {pulumi.get_stack()}"
