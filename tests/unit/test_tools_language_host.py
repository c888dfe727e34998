"""The Python language host: what it asks of the engine before the program does."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tools.versions import ROOT

SYSTEMS = """
import sys
sys.path.insert(0, "tools")
import language_host as host

class Programs(host.Programs):
    def start(self, command, environment, **options):
        return super().start(["true"], environment)

host.start_early = lambda monitor: print("early", flush=True)
host.threading.Thread.start = lambda thread: thread.run()
answer = host.LanguageHost(host.Path(), "", Programs()).Run(
    host.messages.RunRequest(project="mlops", config={"mlops:systems": sys.argv[1]} if sys.argv[1] else {}),
    type("Context", (), {"add_callback": lambda self, act: None})(),
)
print(repr(answer.error))
"""
MONITOR = """
import sys
from concurrent import futures
sys.path.insert(0, "tools")
import grpc
import language_host
from pulumi.runtime.proto import provider_pb2, resource_pb2_grpc

class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    def Invoke(self, request, context):
        print(request.tok, flush=True)
        if sys.argv[1] == "refuses":
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "unknown method Invoke")
        return provider_pb2.InvokeResponse()

server = grpc.server(futures.ThreadPoolExecutor(1))
resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
language_host.start_early(f"127.0.0.1:{port}")
server.stop(0).wait()
language_host.start_early(f"127.0.0.1:{port}")
"""
"""In a process of its own: the host puts bare packages in the place of the SDK."""


def test_the_server_of_dynamic_resources_is_asked_for_and_whatever_answers_is_well() -> None:
    for answer in ("answers", "refuses"):
        command = [sys.executable, "-c", MONITOR, answer]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (said.returncode, said.stdout) == (0, "pulumi-python:dynamic:ready\n"), said.stderr


@pytest.mark.parametrize(("systems", "early"), [('["toy"]', True), ("toy", True), ("[]", False), ("", False)])
def test_only_a_stack_with_systems_starts_it_and_a_wrong_list_is_left_to_the_program(systems: str, early: bool) -> None:
    command = [sys.executable, "-c", SYSTEMS, systems]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout.split()) == (0, [*(["early"] if early else []), "''"]), said.stderr
