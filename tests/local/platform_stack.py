"""One stack of the platform in a checkout: commands of Pulumi, what the state and the cloud have, another hand."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from emulator.resource_types import ResourceTable
from emulator.resource_types.conversion import request_body
from emulator.resource_types.entry import ResourceEntry
from policies.resource import UNKNOWN
from tests.local.checkout import Checkout
from tools.stacks import PROJECT
from tools.state_file import StateFile

Resource = Mapping[str, Any]
UP = "up --yes --skip-preview"


class PlatformStack:
    """A stack by its name."""

    def __init__(self, checkout: Checkout, name: str) -> None:
        self.checkout, self.name = checkout, name

    def tool(self, verb: str, *words: str, check: bool = True) -> str:
        """`make <verb> STACK=name` without its set-up."""
        return self.checkout.tool(verb, self.name, *words, check=check)

    def pulumi(self, words: str, *, check: bool = True) -> str:
        """`pulumi` in the shell that `make env` prepares."""
        return self.checkout.pulumi(f"{words} -s {self.name}", check=check, stack=self.name)

    def done(self, words: str) -> list[tuple[str, str]]:
        """What a command of the engine did, in order: operation and URN; what a refresh found of each comes first."""
        events = [json.loads(line) for line in self.pulumi(f"{words} --json").splitlines() if line.startswith("{")]
        steps = [one["resOutputsEvent"]["metadata"] for one in events if "resOutputsEvent" in one]
        return [(found(step) if step["op"] == "refresh" else step["op"], step["urn"]) for step in steps]

    def changes(self) -> list[tuple[str, str]]:
        """What an `up` after a refresh does, and what the refresh finds; nothing where all is as the program says."""
        return [step for step in self.done(f"{UP} --refresh") if step[0] != "same"]

    @property
    def resources(self) -> list[Resource]:
        """Everything in the state."""
        state = StateFile(self.checkout.folder / ".pulumi-state", PROJECT, self.name)
        return list(state.checkpoint().get("resources") or [])

    @property
    def azure(self) -> dict[str, Resource]:
        """What lies in the cloud, by URN."""
        return {one["urn"]: one for one in self.resources if one["type"].startswith("azure-native:")}

    def leaves(self) -> set[str]:
        """URNs of what nothing in the stack needs."""
        everything = self.resources
        needed = {urn for one in everything for urn in (*one.get("dependencies", ()), one.get("parent"))}
        return {urn for urn, one in self.azure.items() if urn not in needed and not one.get("protect")}

    def look(self) -> dict[str, Any]:
        """What the cloud has where the program says something, by URN; of tags all there are. Without what is gone."""
        found = documents(self.checkout)
        return {
            urn: seen(one, entry_of(one), found[one["id"].lower()])
            for urn, one in self.azure.items()
            if one["id"].lower() in found
        }

    def by_hand(self, verb: str, **told: object) -> Any:
        """What another hand does, see `by_hand.py`."""
        file = self.checkout.folder / "told.json"
        file.write_text(json.dumps({"resources": list(self.azure.values()), **told}))
        words = [".venv/bin/python", "-m", "tests.local.by_hand", verb, str(file)]
        return json.loads(self.checkout.run_in(self.checkout.shell(self.name), words))


def found(step: Mapping[str, Any]) -> str:
    """What a refresh found of a resource, as an operation that would have brought it there."""
    before, now = step.get("old"), step.get("new")
    if not now:
        return "delete"
    same = all((before or {}).get(part) == now.get(part) for part in ("inputs", "outputs"))
    return "same" if same else "update"


def entry_of(resource: Resource) -> ResourceEntry:
    """What the table knows of a resource's type."""
    return ResourceTable.load().entry_for_token(resource["type"])


def documents(checkout: Checkout) -> dict[str, dict[str, Any]]:
    """What ARM answers, by id."""
    return {id_: json.loads(body) for id_, body in column(checkout, "body").items()}


def made_at(checkout: Checkout) -> dict[str, float]:
    """When each document was made, by id: who was replaced in between has another time."""
    return column(checkout, "created")


def column(checkout: Checkout, name: str) -> dict[str, Any]:
    """One column of the emulator's documents, by id."""
    database = sqlite3.connect(f"file:{checkout.folder}/.emulator/emulator.db?mode=ro", uri=True)
    try:
        return {row[0].lower(): row[1] for row in database.execute(f"select id, {name} from documents")}
    finally:
        database.close()


def seen(resource: Resource, entry: ResourceEntry, found: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a document that the program has a word about."""
    said = request_body(entry, resource["inputs"])
    return {key: found.get(key) if key == "tags" else projected(found.get(key), value) for key, value in said.items()}


def projected(found: Any, said: Any) -> Any:
    """The part of a value that another one has a word about."""
    if isinstance(said, Mapping) and isinstance(found, Mapping):
        return {key: projected(found.get(key), value) for key, value in said.items()}
    return found


def type_of(urn: str) -> str:
    """The type in a URN, without those of the components above."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def by_type(urns: Iterable[str]) -> dict[str, list[str]]:
    """URNs by their type, sorted."""
    found: dict[str, list[str]] = {}
    for urn in sorted(urns):
        found.setdefault(type_of(urn), []).append(urn)
    return found


def not_as_planned(planned: Any, sent: Any, path: str = "") -> Iterator[str]:
    """Where an input is not what a plan says; `?` before the path of one that the plan does not know."""
    if planned == UNKNOWN:
        yield f"?{path}"
    elif isinstance(planned, Mapping) and isinstance(sent, Mapping):
        for key in sorted({*planned, *sent}):
            yield from not_as_planned(planned.get(key), sent.get(key), f"{path}.{key}" if path else key)
    elif isinstance(planned, list) and isinstance(sent, list) and len(planned) == len(sent):
        for one, other in zip(planned, sent, strict=True):
            yield from not_as_planned(one, other, path)
    elif planned != sent:
        yield path
