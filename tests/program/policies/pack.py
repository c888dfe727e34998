"""Speaks with a running policy pack as the engine does (`pulumi/analyzer.proto`), without an engine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from policies.judgement import DEFERRED
from policies.resource import Resource
from tests.program.recorder import PROJECT, as_text
from tools import policy_pack
from tools.progress import Progress

UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
LEVELS = {0: "advisory", 1: "mandatory", 2: "disabled", 3: "remediate"}


@dataclass(frozen=True)
class Said:
    """One diagnostic of the pack."""

    rule: str
    resource: str
    level: str
    message: str

    @property
    def deferred(self) -> bool:
        """Whether the rule waits for the update."""
        return self.message.startswith(DEFERRED)


def _number(level: str) -> Any:
    return next(number for number, name in LEVELS.items() if name == level)


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


class Pack:
    """One running pack."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub
        self._messages: dict[int, tuple[Resource, Any]] = {}

    def info(self) -> Any:
        """What the pack says of itself and its rules."""
        return self._stub.GetAnalyzerInfo(empty_pb2.Empty())

    def configure(self, levels: Mapping[str, str]) -> None:
        """What `--policy-pack-config` says."""
        wanted = {name: analyzer_pb2.PolicyConfig(enforcementLevel=_number(level)) for name, level in levels.items()}
        self._stub.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=wanted))

    def analyze(self, one: Resource) -> list[Said]:
        """What the rules on single resources say of one."""
        request = analyzer_pb2.AnalyzeRequest(
            urn=one.urn, name=one.name, type=one.type, properties=_struct(one.inputs), options=_options(one)
        )
        return _said(self._stub.Analyze(request))

    def analyze_stack(self, resources: Sequence[Resource]) -> list[Said]:
        """What the rules on a whole stack say; single resources must have been analysed before, as the engine does."""
        sent = [self._message(one) for one in resources]
        return _said(self._stub.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=sent)))

    def _message(self, one: Resource) -> Any:
        """A resource as the protocol has it: most of a stack is the same in one case after the other."""
        if id(one) not in self._messages:
            message = analyzer_pb2.AnalyzerResource(
                urn=one.urn,
                name=one.name,
                type=one.type,
                properties=_struct(one.inputs),
                options=_options(one),
                parent=one.parent,
                dependencies=list(one.depends_on),
            )
            self._messages[id(one)] = (one, message)  # with the resource, or another one might get its id
        return self._messages[id(one)][1]

    def remediate(self, one: Resource) -> dict[str, Any]:
        """By rule that mends something, the resource's inputs after it."""
        request = analyzer_pb2.AnalyzeRequest(
            urn=one.urn, name=one.name, type=one.type, properties=_struct(one.inputs), options=_options(one)
        )
        answer = self._stub.Remediate(request)
        return {found.policyName: dict(found.properties) for found in answer.remediations}


def _options(one: Resource) -> Any:
    return analyzer_pb2.AnalyzerResourceOptions(protect=one.protect, parent=one.parent)


def _said(answer: Any) -> list[Said]:
    return [
        Said(
            found.policyName,
            found.urn.rsplit("::", 1)[-1] if found.urn else "stack",
            LEVELS[found.enforcementLevel],
            found.message,
        )
        for found in answer.diagnostics
    ]


@contextmanager
def running(config: Mapping[str, Any], stack: str = "prod") -> Iterator[Pack]:
    """Starts the pack for a stack of this configuration, as the language host does."""
    policy_pack.prepare(Progress())
    command = [str(policy_pack.python()), "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(policy_pack.PACK)]
    process = subprocess.Popen(command, cwd=policy_pack.PACK, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        port = process.stdout.readline().strip()
        assert port, process.stderr.read()
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=UNLIMITED) as channel:
            stub = analyzer_pb2_grpc.AnalyzerStub(channel)
            stub.ConfigureStack(
                analyzer_pb2.AnalyzerStackConfigureRequest(
                    stack=stack, project=PROJECT, dry_run=True, config=as_text(config)
                )
            )
            yield Pack(stub)
    finally:
        process.kill()
        process.communicate()
