"""Renamed components on the real engine, also where an `up` ended between a component and what is in it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.local.engine_project import STACK, Project

PROGRAM = """
import json, os
from pulumi import ComponentResource, ResourceOptions, dynamic
from infra.former_names import Component, Former, keep_renamed
from toy_resources import ToyProvider

class Inside(dynamic.Resource, module="toy", name="Toy"):
    def __init__(self, name, toy, parent):
        super().__init__(ToyProvider(), name, {"name": toy, "seconds": 0}, ResourceOptions(parent=parent))

kind, name = json.loads(os.environ["SHELF"])
keep_renamed((), {Component("toy:shop:Rack", "rack"): (Former(name="shelf", type="toy:shop:Shelf"),)})
room = ComponentResource("toy:shop:Room", "room")
shelf = ComponentResource(kind, name, None, ResourceOptions(parent=room))
if os.environ["STOP"]:
    shelf.urn.apply(lambda _: os._exit(32))
else:
    box = ComponentResource("toy:shop:Box", f"{name}-box", None, ResourceOptions(parent=shelf))
    Inside(f"{name}-one", "one", shelf)
    Inside(f"{name}-box-two", "two", box)
    Inside("three", "three", box)
"""


def up(project: Project, kind: str, name: str, *words: str, stop: str = "", code: int = 0) -> str:
    project.extra.update(SHELF=json.dumps([kind, name]), STOP=stop)
    return project.up(*words, toys={}, code=code)


def test_what_is_in_a_renamed_component_is_kept_also_when_an_up_ended_in_between(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", PROGRAM)
    up(project, "toy:shop:Shelf", "shelf")
    assert project.objects() == {"one", "two", "three"}
    made = project.calls()
    up(project, "toy:shop:Rack", "rack", stop="yes", code=1)
    state = json.loads(project.run("stack", "export", "--stack", STACK))["deployment"]["resources"]
    names = {one["urn"].rsplit("::", 1)[1] for one in state}
    assert {"rack", "shelf-one"} <= names  # the component has its new name, what is in it the old one
    up(project, "toy:shop:Rack", "rack", "--expect-no-changes")
    assert project.calls() == made
    assert project.objects() == {"one", "two", "three"}
