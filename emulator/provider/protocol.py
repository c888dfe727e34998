"""Pulumi's protocol messages, loaded without the rest of its SDK, which would double the plugin's start-up."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def _load() -> tuple[Any, ...]:
    names = ("pulumi", "pulumi.runtime", "pulumi.runtime.proto")
    added = [] if "pulumi" in sys.modules else [_hollow_package(name) for name in names]
    from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

    for name in added:
        del sys.modules[name]
    return provider_pb2, provider_pb2_grpc, plugin_pb2, status_pb2


def _hollow_package(name: str) -> str:
    """A package that finds its modules but runs no code of its own."""
    top = importlib.util.find_spec("pulumi") if name == "pulumi" else None
    if top and top.submodule_search_locations:
        folder = Path(top.submodule_search_locations[0])
    else:
        outer, _, last = name.rpartition(".")
        folder = Path(sys.modules[outer].__path__[0]) / last
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    return name


messages, services, plugin_messages, status_messages = _load()
